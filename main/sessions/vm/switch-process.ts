/**
 * Entry of the switch's own process: it outlives a restart of main as its machines do, and ends
 * by itself when the last of them has left.
 *
 * Arguments: the socket's path. Prints `ready` once machines can connect.
 */
import { Switch } from './switch.ts';

/** Machines of one group may take this long to start one after the other. */
const LINGER_MS = 60_000;

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: switch-process SOCKET');
const network = new Switch({
  lingerMs: LINGER_MS,
  onIdle: () => void network.close().then(() => process.exit(0)),
});
await network.listen(path);
process.stdout.on('error', () => {});
process.stdout.write('ready\n');
