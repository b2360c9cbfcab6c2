import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddress, parseChord } from '../../../renderer/display/address.ts';
import { AGENT, Agent } from '../../../renderer/display/agent.ts';
import { Keyboard } from '../../../renderer/display/keyboard.ts';
import { parseFrameMessage, parsePageMessage } from '../../../renderer/display/protocol.ts';
import { scancode } from '../../../renderer/display/scancodes.ts';

describe('scancodes', () => {
  test.each([
    ['KeyA', 0x1e, 0x9e],
    ['ArrowUp', 0x48e0, 0xc8e0],
    ['AltRight', 0x38e0, 0xb8e0],
    ['IntlBackslash', 0x56, 0xd6],
    ['Pause', 0x451de1, 0xc59de1],
  ])('%s', (code, down, up) => {
    expect(scancode(code, true)).toBe(down);
    expect(scancode(code, false)).toBe(up);
  });
  test('a key that PCs do not have', () => {
    expect(scancode('Fn', true)).toBeUndefined();
  });
});

describe('keyboard', () => {
  const chord = parseChord('Ctrl+Alt+Home');
  const setup = () => {
    const sent: string[] = [];
    const keyboard = new Keyboard(
      {
        sendKey: (down, code) => sent.push(`${down ? '+' : '-'}${code.toString(16)}`),
        sendLocks: (bits) => sent.push(`locks ${bits}`),
        onChord: () => sent.push('chord'),
      },
      chord ?? expect.fail('no chord'),
      scancode,
    );
    return { sent, keyboard };
  };
  const key = (code: string, more: Partial<KeyboardEvent> = {}): KeyboardEvent => {
    const event: Partial<KeyboardEvent> = {
      code,
      key: code,
      repeat: false,
      ctrlKey: false,
      altKey: false,
      shiftKey: false,
      metaKey: false,
      preventDefault: () => {},
      getModifierState: (name) => name === 'NumLock',
      ...more,
    };
    return event as KeyboardEvent;
  };

  test('a key goes down, repeats and comes up; locks are told once', () => {
    const { sent, keyboard } = setup();
    keyboard.down(key('KeyA'));
    keyboard.down(key('KeyA', { repeat: true }));
    keyboard.up(key('KeyA'));
    keyboard.down(key('KeyB'));
    expect(sent).toEqual(['locks 2', '+1e', '+1e', '-9e', '+30']);
  });

  test('a dead key, whose release never comes, is released at once', () => {
    const { sent, keyboard } = setup();
    keyboard.down(key('BracketLeft', { key: 'Dead' }));
    keyboard.down(key('KeyE'));
    keyboard.up(key('KeyE'));
    expect(sent.slice(1)).toEqual(['+1a', '-9a', '+12', '-92']);
  });

  test('a Shift whose release is swallowed after a dead key ends before the next key', () => {
    const { sent, keyboard } = setup();
    keyboard.down(key('Backquote', { key: 'Dead' }));
    keyboard.down(key('ShiftLeft', { shiftKey: true }));
    keyboard.down(key('KeyA'));
    keyboard.down(key('KeyB'));
    keyboard.up(key('KeyB'));
    expect(sent.slice(1)).toEqual(['+29', '-a9', '+2a', '-aa', '+1e', '-9e', '+30', '-b0']);
  });

  test('a key whose release was lost comes up before it goes down again', () => {
    const { sent, keyboard } = setup();
    keyboard.down(key('KeyA'));
    keyboard.down(key('KeyA'));
    expect(sent.slice(1)).toEqual(['+1e', '-9e', '+1e']);
  });

  test('the chord releases what is held and is not typed', () => {
    const { sent, keyboard } = setup();
    keyboard.down(key('ControlLeft', { ctrlKey: true }));
    keyboard.down(key('AltLeft', { ctrlKey: true, altKey: true }));
    keyboard.down(key('Home', { ctrlKey: true, altKey: true }));
    keyboard.up(key('Home'));
    expect(sent.slice(1)).toEqual(['+1d', '+38', '-9d', '-b8', 'chord']);
  });
});

describe('agent', () => {
  /** What a guest's agent would send: header and body. */
  const message = (type: number, ...words: number[]): Uint8Array => {
    const view = new DataView(new ArrayBuffer(20 + words.length * 4));
    view.setUint32(0, 1, true);
    view.setUint32(4, type, true);
    view.setUint32(16, words.length * 4, true);
    for (const [index, word] of words.entries()) view.setUint32(20 + index * 4, word, true);
    return new Uint8Array(view.buffer);
  };
  const text = (value: string): Uint8Array => {
    const data = new TextEncoder().encode(value);
    const whole = new Uint8Array([...message(AGENT.clipboard, 0, 1), ...data]);
    new DataView(whole.buffer).setUint32(16, 8 + data.length, true);
    return whole;
  };
  const CAPABILITIES = (1 << 5) | (1 << 6);
  const setup = (capabilities = CAPABILITIES) => {
    const sent: [number, Uint8Array][] = [];
    const texts: string[] = [];
    const agent = new Agent({
      send: (type, bytes) => sent.push([type, bytes]),
      onText: (value) => texts.push(value),
    });
    agent.receive(message(AGENT.announce, 0, capabilities));
    return { agent, sent, texts };
  };

  test('a copied text arrives however it is cut', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 400 }),
        fc.integer({ min: 1, max: 60 }),
        (value, cut) => {
          const { agent, texts } = setup();
          const whole = text(value.replaceAll('\0', ''));
          for (let at = 0; at < whole.length; at += cut) agent.receive(whole.slice(at, at + cut));
          expect(texts).toEqual([value.replaceAll('\0', '').replaceAll('\r\n', '\n')]);
        },
      ),
    );
  });

  test('a huge message is passed over, and the next one is read', () => {
    const { agent, texts } = setup();
    const huge = message(AGENT.clipboard);
    new DataView(huge.buffer).setUint32(16, 50_000_000, true);
    agent.receive(huge);
    for (let sent = 0; sent < 50_000_000; sent += 1_000_000)
      agent.receive(new Uint8Array(1_000_000));
    agent.receive(text('after'));
    expect(texts).toEqual(['after']);
  });

  test('an offered text is given when the guest asks, with its own line ends', () => {
    const { agent, sent } = setup(CAPABILITIES | (1 << 9));
    agent.offer('a\nb');
    expect(sent.map(([type]) => type)).toEqual([AGENT.grab]);
    agent.receive(message(AGENT.request, 0, 1));
    const [type, bytes] = sent.at(-1) ?? [0, new Uint8Array()];
    expect(type).toBe(AGENT.clipboard);
    expect(new TextDecoder().decode(bytes.subarray(8))).toBe('a\r\nb');
  });

  test('X11’s primary selection is not the clipboard, and a guest’s own text is not offered back', () => {
    const { agent, sent, texts } = setup();
    agent.receive(message(AGENT.grab, 1, 1));
    expect(sent).toEqual([]);
    agent.receive(text('same'));
    agent.offer('same');
    expect(texts).toEqual(['same']);
    expect(sent).toEqual([]);
  });
});

test('addresses: only main’s own are taken', () => {
  const token = 'A'.repeat(43);
  const good = `https://d.invalid/spice.html#bridge=127.0.0.1%3A80&token=${token}&parent=https%3A%2F%2Fui.invalid&chord=Ctrl%2BAlt%2BHome`;
  expect(parseAddress(good)).toMatchObject({
    url: `ws://127.0.0.1:80/spice/${token}`,
    parent: 'https://ui.invalid',
    chord: { code: 'Home', control: true, alt: true, shift: false, meta: false },
  });
  for (const wrong of [
    good.replace('127.0.0.1', 'evil.invalid'),
    good.replace(token, 'short'),
    good.replace('https%3A%2F%2Fui.invalid', '*'),
    good.replace('Ctrl%2BAlt%2BHome', 'Home'),
    'not a url',
  ]) {
    expect(parseAddress(wrong), wrong).toBeUndefined();
  }
});

test('messages: what is not one is nothing', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      expect(() => [parseFrameMessage(value), parsePageMessage(value)]).not.toThrow();
    }),
  );
  expect(parseFrameMessage({ type: 'lost', code: 'NOT_A_CODE' })).toBeUndefined();
  expect(parseFrameMessage({ type: 'ready', width: -1, height: 3 })).toBeUndefined();
  expect(parsePageMessage({ type: 'clipboard', text: 'x'.repeat(1_000_001) })).toBeUndefined();
});
