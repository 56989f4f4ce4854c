#!/usr/bin/perl
# A carrier on Net::SMPP (Debian's libnet-smpp-perl), driven by lines of JSON as tests/peers/lines.py tells.
#
# The module reads and writes one PDU at a time on a blocking socket, so this is one process with select. It leaves every
# decision to its user; nothing here goes below it but the half PDU of "cut_within".
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/..";
use IO::Select;
use Lines qw(deliver_fields emit read_text serve);
use Net::SMPP;

use constant { ESME_ROK => 0, ESME_RTHROTTLED => 0x58 };

my $listener = Net::SMPP->new_listen('127.0.0.1', port => 0, listen => 16) or die "cannot listen: $!";
my $select = IO::Select->new($listener);
my (%socket, %number, %ref);                       # number => socket, socket => number, "number/seq" => ref
my ($sessions, $messages, $throttle) = (0, 0, 0);

sub name_of { return (Net::SMPP::pdu_tab->{ $_[0]{cmd} } // { cmd => sprintf '%#x', $_[0]{cmd} })->{cmd} }

sub connected {
    my $socket = $listener->accept or return;
    $socket{ ++$sessions } = $socket;
    $number{$socket} = $sessions;
    $select->add($socket);
}

sub ended {
    my ($socket) = @_;
    $select->remove($socket);
    my $number = delete $number{$socket};
    delete $socket{$number};
    close $socket;
    emit('closed', session => $number);
}

sub submitted {
    my ($socket, $number, $pdu) = @_;
    my $status = $throttle > 0 ? ESME_RTHROTTLED : ESME_ROK;
    $throttle-- if $throttle > 0;
    my $id = $status ? '' : sprintf 'perl-%08x', ++$messages;
    emit(
        'submit_sm',
        session => $number,
        (map { $_ => "$pdu->{$_}" } qw(source_addr destination_addr)),
        (map { $_ => $pdu->{$_} + 0 } qw(data_coding esm_class registered_delivery)),
        read_text(@$pdu{qw(short_message data_coding esm_class)}),
        status => $status ? 'ESME_RTHROTTLED' : 'ESME_ROK',
        message_id => $id,
    );
    $socket->submit_sm_resp(seq => $pdu->{seq}, status => $status, message_id => $id);
}

sub arrived {
    my ($socket) = @_;
    my $number = $number{$socket};
    my $pdu = $socket->read_pdu or return ended($socket);
    my $name = name_of($pdu);
    if ($name =~ /\Abind_\w+(?<!_resp)\z/) {
        my $answer = "${name}_resp";
        $socket->$answer(seq => $pdu->{seq}, system_id => 'net-smpp');
        my %who = map { $_ => "$pdu->{$_}" } qw(system_id password);
        emit('bind', session => $number, command => $name, status => 'ESME_ROK', %who);
    } elsif ($name eq 'submit_sm') {
        submitted($socket, $number, $pdu);
    } elsif ($name eq 'deliver_sm_resp') {
        emit($name, session => $number, ref => delete $ref{"$number/$pdu->{seq}"}, status => $pdu->{status} + 0);
    } elsif ($name =~ /\A(enquire_link|unbind)\z/) {
        emit($name, session => $number);
        my $answer = "${name}_resp";
        $socket->$answer(seq => $pdu->{seq});
    } else {
        emit($name, session => $number, status => $pdu->{status} + 0);
    }
}

sub asked { return $socket{ $_[0]{session} } // die "no such session\n" }

emit(
    'listening',
    port => $listener->sockport + 0,
    library => 'Net::SMPP',
    version => $Net::SMPP::VERSION,
    below => {},
);
serve(
    $select,
    {
        deliver => sub {
            my ($message, $command) = @_;
            my $seq = asked($command)->deliver_sm(async => 1, deliver_fields($message));
            $ref{"$command->{session}/$seq"} = $command->{ref};
        },
        unbind => sub { asked($_[1])->unbind(async => 1) },
        enquire_link => sub { asked($_[1])->enquire_link(async => 1) },
        cut_within => sub {
            my ($octets, $command) = @_;
            my $socket = asked($command);
            syswrite $socket, pack 'H*', $octets;
            ended($socket);
        },
        behave => sub { $throttle = $_[0]{throttle} },
    },
    sub { $_[0] == $listener ? connected() : arrived($_[0]) },
);
