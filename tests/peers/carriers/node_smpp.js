// A small SMSC on the npm package `smpp`, so that the gateway is tested against a carrier that is not ours.
//
// It is driven through lines of JSON: commands come on stdin, events go to stdout. It listens on a port of the system's
// choosing on 127.0.0.1 and says which ("listening"), with the name and the version of the library, and with what it
// has no call for ("below"): nothing that we do here. Every command is answered by {"event": "done", "id": …}, with
// "error" if it could not be carried out. It holds no state but its sessions and the behaviour it was told to show.
'use strict';

const readline = require('readline');
const smpp = require('smpp');
const { version } = require('smpp/package.json');

const BINDS = ['bind_transceiver', 'bind_receiver', 'bind_transmitter'];

let nextSession = 0;
let nextMessage = 0;
const sessions = new Map(); // number -> {session, mode}; mode is null until bound

// What the next requests meet. Counters go down to 0; "receipts" stays.
const behaviour = { throttle: 0, silent: 0, fail: 0, refuse_binds: 0, receipts: false };

function emit(event, fields) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + '\n');
}

function textOf(pdu) {
  const body = pdu.short_message;
  const message = body && body.message !== undefined ? body.message : body;
  return Buffer.isBuffer(message) ? message.toString('latin1') : String(message ?? '');
}

function udhOf(pdu) {
  const udh = pdu.short_message && pdu.short_message.udh;
  if (!udh) return [];
  return (Array.isArray(udh) ? udh : [udh]).map((part) => Buffer.from(part).toString('hex'));
}

function pick(command, receiving) {
  for (const [number, entry] of sessions) {
    if (command.session !== undefined && command.session !== number) continue;
    if (!receiving || entry.mode === 'bind_transceiver' || entry.mode === 'bind_receiver') return [number, entry];
  }
  throw new Error(receiving ? 'no session is bound to receive' : 'no such session');
}

function deliver({ udh, ...fields }, ref, number, entry) {
  if (udh) fields.short_message = { udh: Buffer.from(udh, 'hex'), message: fields.short_message };
  entry.session.deliver_sm(fields, (answer) => {
    emit('deliver_sm_resp', { session: number, ref, status: answer.command_status });
  });
}

function receiptFields(source, destination, id, stat) {
  const moment = '2601010000';
  const text = `id:${id} sub:001 dlvrd:001 submit date:${moment} done date:${moment} stat:${stat} err:000 text:`;
  return { source_addr: destination, destination_addr: source, esm_class: 4, short_message: text };
}

function onSubmit(number, entry, pdu) {
  let status = 'ESME_ROK';
  let answered = true;
  if (behaviour.silent > 0) {
    behaviour.silent -= 1;
    answered = false;
  } else if (behaviour.throttle > 0) {
    behaviour.throttle -= 1;
    status = 'ESME_RTHROTTLED';
  } else if (behaviour.fail > 0) {
    behaviour.fail -= 1;
    status = 'ESME_RSUBMITFAIL';
  }
  const accepted = answered && status === 'ESME_ROK';
  const messageId = accepted ? `m${++nextMessage}` : '';
  emit('submit_sm', {
    session: number,
    sequence: pdu.sequence_number,
    source_addr: pdu.source_addr,
    destination_addr: pdu.destination_addr,
    text: textOf(pdu),
    udh: udhOf(pdu),
    data_coding: pdu.data_coding,
    esm_class: pdu.esm_class,
    registered_delivery: pdu.registered_delivery,
    status: answered ? status : null,
    message_id: messageId,
  });
  if (!answered) return;
  entry.session.send(pdu.response({ command_status: smpp[status], message_id: messageId }));
  if (accepted && behaviour.receipts && pdu.registered_delivery & 1) {
    const fields = receiptFields(pdu.source_addr, pdu.destination_addr, messageId, 'DELIVRD');
    const [to, other] = pick({}, true);
    deliver(fields, `receipt:${messageId}`, to, other);
  }
}

function onSession(session) {
  const number = ++nextSession;
  const entry = { session, mode: null };
  sessions.set(number, entry);
  emit('connected', { session: number });
  for (const command of BINDS) {
    session.on(command, (pdu) => {
      const refused = behaviour.refuse_binds > 0;
      if (refused) behaviour.refuse_binds -= 1;
      const status = refused ? 'ESME_RBINDFAIL' : 'ESME_ROK';
      if (!refused) entry.mode = command;
      emit('bind', { session: number, command, system_id: pdu.system_id, password: pdu.password, status });
      session.send(pdu.response({ command_status: smpp[status], system_id: 'peer' }));
    });
  }
  session.on('submit_sm', (pdu) => onSubmit(number, entry, pdu));
  session.on('enquire_link', (pdu) => {
    emit('enquire_link', { session: number });
    session.send(pdu.response());
  });
  session.on('unbind', (pdu) => {
    emit('unbind', { session: number });
    session.send(pdu.response());
  });
  session.on('generic_nack', (pdu) => emit('generic_nack', { session: number, status: pdu.command_status }));
  session.on('close', () => {
    sessions.delete(number);
    emit('closed', { session: number });
  });
  session.on('error', (error) => emit('error', { session: number, message: error.message }));
}

const server = smpp.createServer(onSession);

// Every command: {"id": 1, "<command>": <argument>, "session": n (optional)}.
const COMMANDS = {
  deliver(fields, command) {
    const [number, entry] = pick(command, true);
    deliver(fields, command.ref ?? null, number, entry);
  },
  receipt({ source_addr, destination_addr, message_id, stat = 'DELIVRD' }, command) {
    const [number, entry] = pick(command, true);
    deliver(receiptFields(source_addr, destination_addr, message_id, stat), command.ref ?? null, number, entry);
  },
  unbind(_argument, command) {
    const [number, entry] = pick(command, false);
    entry.session.unbind(() => emit('unbind_resp', { session: number }));
  },
  enquire_link(_argument, command) {
    const [number, entry] = pick(command, false);
    entry.session.enquire_link(() => emit('enquire_link_resp', { session: number }));
  },
  cut(_argument, command) {
    pick(command, false)[1].session.destroy();
  },
  cut_within(octets, command) {
    pick(command, false)[1].session.socket.end(Buffer.from(octets, 'hex'));
  },
  pause(_argument, command) {
    pick(command, false)[1].session.pause();
  },
  resume(_argument, command) {
    pick(command, false)[1].session.resume();
  },
  behave(changes) {
    for (const key of Object.keys(changes)) {
      if (!(key in behaviour)) throw new Error(`no such behaviour: ${key}`);
    }
    Object.assign(behaviour, changes);
  },
  quit() {
    setImmediate(() => process.exit(0));
  },
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  let id = null;
  try {
    const command = JSON.parse(line);
    id = command.id ?? null;
    const name = Object.keys(COMMANDS).find((known) => known in command);
    if (!name) throw new Error(`no such command: ${line}`);
    COMMANDS[name](command[name], command);
    emit('done', { id });
  } catch (error) {
    emit('done', { id, error: error.message });
  }
}).on('close', () => process.exit(0)); // whoever drove us has gone

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () =>
  emit('listening', { port: server.address().port, library: 'smpp', version, below: {} }),
);
