import { expect, test } from 'vitest';
import { describe as describeSummary } from '../../campus/sender/distribute.ts';
import { readSenderOutput, senderArguments } from '../../campus/sender/udp-sender.ts';
import { magicPacket } from '../../campus/sender/wake.ts';

test('a magic packet is six FF and sixteen times the address', () => {
  const packet = magicPacket('52:54:00:12:34:AB');
  expect(packet).toHaveLength(102);
  expect(packet.subarray(0, 6).toString('hex')).toBe('ffffffffffff');
  for (let time = 0; time < 16; time++) {
    expect(packet.subarray(6 + 6 * time, 12 + 6 * time).toString('hex')).toBe('5254001234ab');
  }
  for (const wrong of ['', '52:54:00:12:34', '52:54:00:12:34:ag', '525400:12:34:56:78']) {
    expect(() => magicPacket(wrong)).toThrow('no MAC address');
  }
});

test('udp-sender is started so that it neither waits for a key nor for the dead', () => {
  const args = senderArguments({
    file: 'image',
    interfaceName: 'eth0',
    portbase: 9000,
    receivers: 20,
    waitSeconds: 300,
    mbit: 400,
  }).join(' ');
  expect(args).toContain('--nokbd');
  expect(args).toContain('--min-receivers 20 --max-wait 300');
  expect(args).toContain('--retries-until-drop 20 --max-bitrate 400m');
  expect(args).not.toMatch(/async|streaming/);
});

test('what udp-sender says of its receivers', () => {
  const text = [
    'New connection from 10.77.0.3  (#0) 00000009',
    'New connection from 10.77.0.2  (#1) 00000009',
    'Dropping client #1 because of timeout',
    'Disconnecting #1 (10.77.0.2)',
    'Transfer complete.',
    'Disconnecting #0 (10.77.0.3)',
  ].join('\n');
  expect(readSenderOutput(text)).toEqual({
    connected: ['10.77.0.3', '10.77.0.2'],
    dropped: ['10.77.0.2'],
  });
});

test('the summary names who is missing', () => {
  const summary = {
    ...{ image: 'lab', version: '2', connected: ['a', 'b'], lost: ['b'] },
    ...{ committed: ['kiosk-a'], failed: [], complete: false },
  };
  expect(describeSummary(summary)).toBe(
    'lab 2: NOT complete\nconnected: a, b\nlost while sending: b\nverified and committed: kiosk-a\nfailed: none\n',
  );
});
