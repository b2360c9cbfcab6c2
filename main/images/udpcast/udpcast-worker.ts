/**
 * The thread that receives from a udpcast sender: packets must be answered in time whatever main
 * is busy with. Started by {@link receiveUdpcast}.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { FromReceiver, ToReceiver } from './messages.ts';
import { type ReceiverOptions, UdpcastReceiver } from './receiver.ts';

const port = parentPort;
if (port) {
  const say = (message: FromReceiver, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer);
  const receiver = new UdpcastReceiver(workerData as ReceiverOptions, {
    data: (bytes) => say({ type: 'data', bytes }, [bytes.buffer]),
    end: () => say({ type: 'end' }),
    failed: (code, message) => say({ type: 'failed', code, message }),
  });
  port.on('message', (message: ToReceiver) => {
    if (message.type === 'consumed') receiver.consumed(message.bytes, message.buffer);
    else void receiver.stop().then(() => say({ type: 'stopped' }));
  });
  receiver.start();
}
