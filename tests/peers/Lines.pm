# What every peer written in Perl has to say and to hear: one JSON object a line, as tests/peers/lines.py tells; and
# the loop that waits for commands and for PDUs at once. It knows nothing of which side of SMPP it serves.
package Lines;
use strict;
use warnings;
use Encode qw(decode encode);
use Exporter 'import';
use IO::Select;
use JSON::PP ();

our @EXPORT_OK = qw(UDHI deliver_fields emit read_text serve text_octets);

use constant UCS2 => 8;
use constant UDHI => 0x40;

my $json = JSON::PP->new->utf8->canonical;

# Tell one event.
sub emit {
    my ($event, %fields) = @_;
    syswrite STDOUT, $json->encode({ event => $event, %fields }) . "\n";
}

# Return user data as octets: UCS-2 under 8, else ASCII; $udh is hexadecimal.
sub text_octets {
    my ($text, $coding, $udh) = @_;
    return pack('H*', $udh // '') . encode($coding == UCS2 ? 'UTF-16BE' : 'ascii', $text);
}

# Return text and udh (each element in hexadecimal, here at most one) of user data as octets.
sub read_text {
    my ($octets, $coding, $esm_class) = @_;
    my $size = length $octets && $esm_class & UDHI ? 1 + ord $octets : 0;
    my $text = decode($coding == UCS2 ? 'UTF-16BE' : 'latin-1', substr $octets, $size);
    return (text => $text, udh => $size ? [unpack 'H*', substr $octets, 1, $size - 1] : []);
}

# Return the arguments of Net::SMPP's deliver_sm and submit_sm for a message as commands spell it.
sub deliver_fields {
    my ($message) = @_;
    my $coding = $message->{data_coding} // 0;
    return (
        (map { $_ => $message->{$_} } qw(source_addr destination_addr)),
        source_addr_ton => $message->{source_addr_ton} // 0,
        source_addr_npi => 1,
        dest_addr_ton => $message->{dest_addr_ton} // 0,
        dest_addr_npi => 1,
        esm_class => $message->{esm_class} // 0,
        data_coding => $coding,
        registered_delivery => $message->{registered_delivery} // 0,
        short_message => text_octets($message->{short_message}, $coding, $message->{udh}),
    );
}

# Wait for commands and sockets until whoever drove us has gone. $commands: name => sub (argument, command); each is
# answered by "done". $readable is called with each socket of $select that has something to read.
sub serve {
    my ($select, $commands, $readable) = @_;
    my $rest = '';
    $select->add(\*STDIN);
    while (1) {
        for my $ready ($select->can_read) {
            if ($ready == \*STDIN) {
                sysread(STDIN, $rest, 65_536, length $rest) or return;
                _obey($json->decode($1), $commands) while $rest =~ s/\A(.*)\n//;
            } elsif ($select->exists($ready)) {  # an earlier one of this round may have ended it
                $readable->($ready);
            }
        }
    }
}

sub _obey {
    my ($command, $commands) = @_;
    my ($name) = grep { exists $commands->{$_} } keys %$command;
    my $done = eval {
        die "no such command\n" unless defined $name;
        $commands->{$name}->($command->{$name}, $command);
        1;
    };
    emit('done', id => $command->{id}, $done ? () : (error => "$@"));
}

1;
