import { describe, expect, test } from 'vitest';
import { chromiumFlags } from '../../../main/shell/chromium/flags.ts';
import { hostAllowed, refusalPage, serve } from '../../../main/shell/policy.ts';
import type { OriginResponse } from '../../../main/shell/shell.ts';

describe('hosts of a web session', () => {
  test.each([
    ['example.org', ['example.org'], true],
    ['EXAMPLE.org', ['example.ORG'], true],
    ['www.example.org', ['example.org'], false],
    ['www.example.org', ['*.example.org'], true],
    ['a.b.example.org', ['*.example.org'], true],
    ['example.org', ['*.example.org'], false],
    ['evilexample.org', ['*.example.org'], false],
    ['example.org.evil.net', ['example.org', '*.example.org'], false],
    ['example.org', [], false],
  ])('%s within %j: %s', (host, patterns, expected) => {
    expect(hostAllowed(host, patterns)).toBe(expected);
  });
});

describe('what is served to the two origins', () => {
  const policy = (answer: () => Promise<OriginResponse>) => ({
    uiOrigin: 'https://ui.test',
    displayOrigin: 'https://display.test',
    serveUi: answer,
    serveDisplay: answer,
  });
  const request = (url: string) => ({ method: 'GET', url: new URL(url), headers: new Map() });
  const never = (error: unknown): never => {
    throw error;
  };

  test("the page's own policy stays, ours is added", async () => {
    const { headers } = await serve(
      policy(async () => ({
        status: 200,
        headers: { 'Content-Security-Policy': "script-src 'none'", 'Content-Type': 'text/html' },
        body: null,
      })),
      request('https://ui.test/'),
      never,
    );
    expect(headers['content-security-policy']).toMatch(/^script-src 'none', default-src 'self'/);
    expect(headers['content-security-policy']).toContain('frame-src');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  test('only the display may open a websocket', async () => {
    const answer = policy(async () => ({ status: 200, headers: {}, body: null }));
    const ui = await serve(answer, request('https://ui.test/'), never);
    const display = await serve(answer, request('https://display.test/'), never);
    expect(ui.headers['content-security-policy']).not.toContain('ws:');
    expect(display.headers['content-security-policy']).toContain('ws://127.0.0.1:*');
    expect(display.headers['content-security-policy']).toContain('frame-ancestors https://ui.test');
  });

  test('a server that throws is a 500, and is heard of', async () => {
    const errors: unknown[] = [];
    const response = await serve(
      policy(() => Promise.reject(new Error('no'))),
      request('https://ui.test/'),
      (error) => errors.push(error),
    );
    expect(response.status).toBe(500);
    expect(response.body?.length).toBeGreaterThan(0);
    expect(errors).toHaveLength(1);
  });
});

test('the refusal page shows its texts and runs nothing', () => {
  const { body, headers } = refusalPage('<script>x</script>', 'a & "b"');
  expect(new TextDecoder().decode(body ?? undefined)).not.toContain('<script>');
  expect(headers['content-security-policy']).toContain("default-src 'none'");
});

describe("Chromium's command line", () => {
  const options = {
    kiosk: true,
    developer: false,
    profile: '/p',
    sandbox: true,
    smallSharedMemory: false,
    gpu: true,
    displayOrigin: 'https://display.test',
  };
  test('opens no port and keeps the sandbox, unless it is told otherwise', () => {
    const flags = chromiumFlags(options);
    expect(flags).toContain('--remote-debugging-pipe');
    expect(flags).toContain('--kiosk');
    expect(
      flags.some((flag) => /^--(remote-debugging-port|no-sandbox|disable-web-security)/.test(flag)),
    ).toBe(false);
  });
  test('a developer gets a port beside the pipe', () => {
    const flags = chromiumFlags({ ...options, developer: true, kiosk: false });
    expect(flags).toContain('--remote-debugging-port=0');
    expect(flags).toContain('--remote-debugging-pipe');
    expect(flags).not.toContain('--kiosk');
  });
});
