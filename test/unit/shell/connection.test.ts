import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { DevtoolsPipe } from '../../../main/shell/chromium/connection.ts';

function pipe() {
  const output = new PassThrough();
  const input = new PassThrough();
  const errors: unknown[] = [];
  const devtools = new DevtoolsPipe(output, input, (error) => errors.push(error));
  const answer = (message: object): void => {
    input.write(`${JSON.stringify(message)}\0`);
  };
  return { output, input, errors, devtools, answer };
}

describe('the DevTools pipe', () => {
  test('sends NUL-ended JSON, with the session where there is one', () => {
    const { output, devtools } = pipe();
    void devtools.browser.send('Browser.getVersion').catch(() => {});
    void devtools
      .session('s')
      .send('Page.enable')
      .catch(() => {});
    expect(
      String(output.read())
        .split('\0')
        .filter(Boolean)
        .map((text) => JSON.parse(text)),
    ).toEqual([
      { id: 1, method: 'Browser.getVersion', params: {} },
      { id: 2, method: 'Page.enable', params: {}, sessionId: 's' },
    ]);
  });

  test('reads messages that arrive in pieces, and several in one piece', async () => {
    const { input, devtools } = pipe();
    const [first, second] = [
      devtools.browser.send('Browser.getVersion'),
      devtools.browser.send('Target.getTargets'),
    ];
    const bytes = Buffer.from(
      '{"id":1,"result":{"product":"é"}}\0{"id":2,"result":{"targetInfos":[]}}\0',
    );
    // In the middle of the two bytes of "é".
    const cut = bytes.indexOf(0xc3) + 1;
    input.write(bytes.subarray(0, cut));
    input.write(bytes.subarray(cut));
    expect(await first).toEqual({ product: 'é' });
    expect(await second).toEqual({ targetInfos: [] });
  });

  test("a refusal is an error in the browser's words", async () => {
    const { answer, devtools } = pipe();
    const call = devtools.browser.send('Browser.close');
    answer({ id: 1, error: { code: -32000, message: 'Not now' } });
    await expect(call).rejects.toThrow('Browser.close: Not now');
  });

  test('a closed pipe rejects every pending call, and every later one', async () => {
    const { input, devtools } = pipe();
    const calls = [
      devtools.browser.send('Browser.close'),
      devtools.session('s').send('Page.enable'),
    ];
    input.destroy();
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'BRIDGE_CLOSED' });
    await devtools.closed;
    await expect(devtools.browser.send('Browser.close')).rejects.toMatchObject({
      code: 'BRIDGE_CLOSED',
    });
  });

  test('a session that ends rejects its own calls only', async () => {
    const { answer, devtools } = pipe();
    const page = devtools.session('s').send('Page.enable');
    const browser = devtools.browser.send('Browser.getVersion');
    answer({ method: 'Target.detachedFromTarget', params: { sessionId: 's' } });
    await expect(page).rejects.toMatchObject({ code: 'BRIDGE_CLOSED' });
    answer({ id: 2, result: { product: 'x' } });
    expect(await browser).toEqual({ product: 'x' });
  });

  test('a listener that throws stops nobody else', async () => {
    const { answer, errors, devtools } = pipe();
    const heard: string[] = [];
    devtools.browser.on('Target.targetDestroyed', () => {
      throw new Error('listener');
    });
    devtools.browser.on('Target.targetDestroyed', ({ targetId }) => heard.push(targetId));
    answer({ method: 'Target.targetDestroyed', params: { targetId: 't' } });
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual(['t']);
    expect(errors).toHaveLength(1);
  });
});
