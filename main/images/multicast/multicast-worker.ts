/** The thread that receives native multicast. Started by {@link createMulticastTransport}. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ErrorCode } from '../../../preload/contract/errors.ts';
import { MulticastReceiver, type MulticastReceiverOptions } from './receiver.ts';

export type FromMulticast =
  | { readonly type: 'chunk'; readonly index: number; readonly bytes: Uint8Array }
  | { readonly type: 'end' }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'stopped' };

export type ToMulticast =
  | { readonly type: 'verified'; readonly index: number; readonly right: boolean }
  | { readonly type: 'stop' };

const port = parentPort;
if (port) {
  const say = (message: FromMulticast, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer);
  const receiver = new MulticastReceiver(workerData as MulticastReceiverOptions, {
    chunk: (index, bytes) => say({ type: 'chunk', index, bytes }, [bytes.buffer as ArrayBuffer]),
    end: () => say({ type: 'end' }),
    failed: (code, message) => say({ type: 'failed', code, message }),
  });
  port.on('message', (message: ToMulticast) => {
    if (message.type === 'verified') receiver.verified(message.index, message.right);
    else void receiver.stop().then(() => say({ type: 'stopped' }));
  });
  receiver.start();
}
