#!/usr/bin/perl
# A client on Net::SMPP (Debian's libnet-smpp-perl), driven by lines of JSON as tests/peers/lines.py tells.
#
# Every request is sent with async, because the module otherwise drops what comes before the response. It has a call for
# every PDU; only the half PDU of "cut_within" goes below it. Long texts are cut here, since the module cuts none.
use strict;
use warnings;
use Encode qw(encode);
use FindBin;
use lib "$FindBin::Bin/..";
use IO::Select;
use Lines qw(UDHI deliver_fields emit read_text serve);
use Net::SMPP;

use constant { UCS2 => 8, PART => 67 };

my ($port) = @ARGV;
my $select = IO::Select->new;
my ($smpp, $reference, %ref) = (undef, 0);

sub bind_as {
    my ($mode, $command) = @_;
    my $make = "bind_$mode";
    my $new = Net::SMPP->new_connect('127.0.0.1', port => $port) or die "cannot connect: $!\n";
    my $answer = $new->$make(system_id => $command->{system_id}, password => $command->{password})
        or die "no answer to the bind\n";
    return emit('refused', status => $answer->{status} + 0) if $answer->{status};
    $smpp = $new;
    $select->add($smpp);
    emit('bound', mode => $mode);
}

sub ended {
    $select->remove($smpp);
    close $smpp;
    undef $smpp;
    emit('closed');
}

# Return the texts of a text's parts; a character outside of UCS-2 counts twice, and is not divided.
sub cut_up {
    my ($text) = @_;
    return ($text) if length(encode('UTF-16BE', $text)) <= 140;
    my @parts = ('');
    for my $character (split //, $text) {
        push @parts, '' if length(encode('UTF-16BE', $parts[-1] . $character)) > 2 * PART;
        $parts[-1] .= $character;
    }
    return @parts;
}

sub submit {
    my ($message, $command) = @_;
    my $coding = $message->{text} =~ /\A[\x00-\x7f]*\z/ ? 0 : UCS2;
    my @parts = cut_up($message->{text});
    $reference++;
    for my $number (1 .. @parts) {
        my $header = @parts > 1 ? sprintf('050003%02x%02x%02x', $reference, scalar @parts, $number) : '';
        my %part = (%$message, short_message => $parts[$number - 1], data_coding => $coding);
        @part{qw(udh esm_class)} = ($header, UDHI) if $header;
        my $seq = $smpp->submit_sm(async => 1, deliver_fields(\%part));
        $ref{$seq} = $command->{ref};
    }
}

sub arrived {
    my $pdu = $smpp->read_pdu or return ended();
    my $name = (Net::SMPP::pdu_tab->{ $pdu->{cmd} } // { cmd => sprintf '%#x', $pdu->{cmd} })->{cmd};
    if ($name eq 'deliver_sm') {
        my $id = $pdu->{receipted_message_id} // '';
        $id =~ s/\0\z//;
        $smpp->deliver_sm_resp(seq => $pdu->{seq}, message_id => '');
        emit(
            $name,
            (map { $_ => "$pdu->{$_}" } qw(source_addr destination_addr)),
            (map { $_ => $pdu->{$_} + 0 } qw(esm_class data_coding)),
            receipted_message_id => $id,
            read_text(@$pdu{qw(short_message data_coding esm_class)}),
        );
    } elsif ($name =~ /\A(enquire_link|unbind)\z/) {
        my $answer = "${name}_resp";
        $smpp->$answer(seq => $pdu->{seq});
        emit($name);
    } elsif ($name eq 'unbind_resp') {
        ended();
    } else {
        my $id = $pdu->{message_id} // '';
        emit($name, ref => delete $ref{ $pdu->{seq} }, status => $pdu->{status} + 0, message_id => "$id");
    }
}

sub asks {
    my ($name) = @_;
    return sub { $smpp->$name(async => 1, %{ $_[0] }) };
}

emit('ready', library => 'Net::SMPP', version => $Net::SMPP::VERSION, below => {});
serve(
    $select,
    {
        bind => \&bind_as,
        submit => \&submit,
        data_sm => sub {
            my %fields = %{ $_[0] };
            $smpp->data_sm(async => 1, %fields{ grep { $_ ne 'text' } keys %fields }, message_payload => $fields{text});
        },
        (map { $_ => asks($_) } qw(query_sm cancel_sm replace_sm submit_multi)),
        enquire_link => sub { $smpp->enquire_link(async => 1) },
        unbind => sub { $smpp->unbind(async => 1) },
        cut_within => sub {
            syswrite $smpp, pack 'H*', $_[0];
            ended();
        },
    },
    \&arrived,
);
