// The plumbing of a peer that is a Node program: lines of JSON in and out.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import readline from 'node:readline';

// What npm has installed for the tests.
export const load = createRequire(process.env.NODE_MODULES + '/');
export const versionOf = name => JSON.parse(
  fs.readFileSync(`${process.env.NODE_MODULES}/node_modules/${name}/package.json`)).version;

export const emit = event => process.stdout.write(JSON.stringify(event) + '\n');

// What obeys commands, each a function of that name, and answers.
export const obeying = commands => async c => {
  try {
    emit({ event: 'done', id: c.id, ...await commands[c.do](c) });
  } catch (error) {
    emit({ event: 'done', id: c.id, error: String(error) });
  }
};

// `obey(command)` answers by itself; commands are obeyed one after the other.
export function serve(name, obey) {
  let last = Promise.resolve();
  readline.createInterface({ input: process.stdin })
    .on('line', line => { last = last.then(() => obey(JSON.parse(line))); })
    .on('close', () => process.exit(0));
  emit({ event: 'ready', name });
}
