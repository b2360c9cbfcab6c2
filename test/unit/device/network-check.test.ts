import { describe, expect, test } from 'vitest';
import {
  type CampusProbe,
  checkNetwork,
  type NetworkCheckOptions,
  type Probes,
} from '../../../main/device/network-check.ts';
import { NetworkCheck } from '../../../preload/contract/model.ts';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const CAMPUS: CampusProbe = {
  servers: () => ['https://campus.test/v/'],
  ask: async () => ({ status: 200, date: 'Fri, 20 Nov 2026 11:59:30 GMT' }),
};
const WORKING: Probes = {
  links: async () => ['eth0'],
  addresses: async () => ['10.0.1.7'],
  gateway: async () => ({ address: '10.0.1.254', device: 'eth0' }),
  askGateway: async () => 'answers',
  resolve: async () => ['10.0.9.1'],
};

async function check(
  probes: Partial<Probes> = {},
  options: Partial<NetworkCheckOptions> = {},
): Promise<{ results: Record<string, string>; details: Record<string, string> }> {
  const found = NetworkCheck.parse(
    await checkNetwork({
      campus: CAMPUS,
      now: () => NOW,
      timeoutMs: 2_000,
      probes: { ...WORKING, ...probes },
      ...options,
    }),
  );
  expect(found.checks.map(({ id }) => id)).toEqual([
    'link',
    'address',
    'gateway',
    'dns',
    'campus',
    'clock',
  ]);
  return {
    results: Object.fromEntries(found.checks.map(({ id, result }) => [id, result])),
    details: Object.fromEntries(found.checks.map(({ id, detail }) => [id, detail])),
  };
}

const refuse = async (): Promise<never> => {
  throw new Error('refused');
};

describe('the first that fails is the place to look', () => {
  test('all is well', async () => {
    const { results, details } = await check();
    expect(Object.values(results)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'ok']);
    expect(details.dns).toBe('campus.test is 10.0.9.1');
    expect(details.clock).toBe('within 30 s of the campus');
  });

  test.each<[string, Partial<Probes>, Partial<NetworkCheckOptions>, string[]]>([
    [
      'no cable',
      { links: async () => [] },
      {},
      ['failed', 'skipped', 'skipped', 'skipped', 'skipped', 'skipped'],
    ],
    [
      'no DHCP',
      { addresses: async () => [] },
      {},
      ['ok', 'failed', 'skipped', 'skipped', 'skipped', 'skipped'],
    ],
    [
      'no gateway set',
      { gateway: async () => undefined },
      {},
      ['ok', 'ok', 'skipped', 'ok', 'ok', 'ok'],
    ],
    [
      'a silent gateway',
      { askGateway: async () => undefined },
      {},
      ['ok', 'ok', 'failed', 'ok', 'ok', 'ok'],
    ],
    ['no names', { resolve: refuse }, {}, ['ok', 'ok', 'ok', 'failed', 'skipped', 'skipped']],
    [
      'no campus set',
      {},
      { campus: { ...CAMPUS, servers: () => [] } },
      ['ok', 'ok', 'ok', 'skipped', 'skipped', 'skipped'],
    ],
    [
      'a campus by address',
      { resolve: refuse },
      { campus: { ...CAMPUS, servers: () => ['http://[fd00::1]:8080/'] } },
      ['ok', 'ok', 'ok', 'skipped', 'ok', 'ok'],
    ],
    [
      'no campus',
      {},
      { campus: { ...CAMPUS, ask: refuse } },
      ['ok', 'ok', 'ok', 'ok', 'failed', 'skipped'],
    ],
    [
      'a campus without a clock',
      {},
      { campus: { ...CAMPUS, ask: async () => ({ status: 404, date: undefined }) } },
      ['ok', 'ok', 'ok', 'ok', 'ok', 'skipped'],
    ],
    [
      'a broken campus',
      {},
      { campus: { ...CAMPUS, ask: async () => ({ status: 502, date: 'nonsense' }) } },
      ['ok', 'ok', 'ok', 'ok', 'failed', 'skipped'],
    ],
    ['a wrong clock', {}, { now: () => NOW + 3_600_000 }, ['ok', 'ok', 'ok', 'ok', 'ok', 'failed']],
    [
      'a broken probe',
      { links: refuse },
      {},
      ['failed', 'skipped', 'skipped', 'skipped', 'skipped', 'skipped'],
    ],
  ])('%s', async (_, probes, options, expected) => {
    const { results } = await check(probes, options);
    expect(Object.values(results)).toEqual(expected);
  });
});

test('the clock is said with its direction', async () => {
  const ahead = await check({}, { now: () => NOW + 600_000 });
  expect(ahead.details.clock).toMatch(/^The clock is 630 s ahead of the campus/);
  const behind = await check({}, { now: () => NOW - 600_000 });
  expect(behind.details.clock).toMatch(/^The clock is 570 s behind the campus/);
});

test('the next server is asked where one does not answer', async () => {
  const servers = ['https://a.test/', 'https://b.test/'];
  const asked: string[] = [];
  const { results, details } = await check(
    {},
    {
      campus: {
        servers: () => servers,
        ask: async (server) => {
          asked.push(server);
          if (server === servers[0]) throw new Error('refused');
          return { status: 200, date: undefined };
        },
      },
    },
  );
  expect(asked).toEqual(servers);
  expect(results.campus).toBe('ok');
  expect(details.campus).toBe('https://b.test/ answers with 200');
});

test('what hangs is given up, each in its own time', async () => {
  const hang = (): Promise<never> => new Promise(() => {});
  const { results, details } = await check(
    { gateway: hang, resolve: hang },
    { timeoutMs: 20, campus: { ...CAMPUS, ask: hang } },
  );
  expect(results).toMatchObject({ gateway: 'failed', dns: 'failed', campus: 'skipped' });
  expect(details.gateway).toBe('No answer within 0.02 s.');
});
