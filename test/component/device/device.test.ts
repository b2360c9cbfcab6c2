/** What the computer says of itself, asked of this computer. */
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFactsReader } from '../../../main/device/facts.ts';
import { readGateway } from '../../../main/device/gateway.ts';
import { checkNetwork } from '../../../main/device/network-check.ts';
import { readVersions } from '../../../main/device/versions.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import { Launcher } from '../../../main/process/launcher.ts';
import { DeviceFacts, Versions } from '../../../preload/contract/model.ts';

const launcher = new Launcher(silentLogger);
const server = createServer((_, response) => response.end('{}'));
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(async () => {
  server.close();
  await launcher.stopAll();
});

test('facts are found, in the form of the contract, and the fixed ones only once', async () => {
  let asked = 0;
  const virtualization = async () => {
    asked++;
    return { kvm: true, reason: null };
  };
  const reader = createFactsReader({ launcher, virtualization });
  const first = DeviceFacts.parse(await reader.read());
  expect(first.cpu.threads).toBeGreaterThan(0);
  expect(first.cpu.model).not.toBe('');
  expect(first.memory.total).toBeGreaterThan(2 ** 28);
  expect(first.memory.available).toBeLessThanOrEqual(first.memory.total);
  expect(first.operatingSystem).toMatch(/Debian/);
  const named = Object.keys(networkInterfaces()).filter((name) => name !== 'lo');
  expect(first.network.map(({ name }) => name)).toEqual(expect.arrayContaining(named));
  expect((await reader.read()).cpu).toEqual(first.cpu);
  expect(asked).toBe(1);
});

test('probes that hang leave their values empty', async () => {
  const facts = await createFactsReader({
    launcher,
    timeoutMs: 1,
    virtualization: () => new Promise(() => {}),
  }).read();
  expect(DeviceFacts.safeParse(facts).success).toBe(true);
  expect(facts.virtualization.kvm).toBe(false);
});

test('versions: of the QEMU that is installed', async () => {
  const own = { vestibule: '1', shell: 's', ui: 'u', manifest: null };
  const versions = Versions.parse(await readVersions(launcher, own));
  expect(versions).toMatchObject({ ...own, node: process.versions.node });
  expect(versions.qemu).toMatch(/^\d+\.\d+/);
});

test('the network check reaches a campus, tells its clock, and notices that it went', async () => {
  const { port } = server.address() as AddressInfo;
  const address = `http://127.0.0.1:${port}/`;
  const options = {
    campus: {
      servers: () => [address],
      ask: async (url: string, signal: AbortSignal) => {
        const response = await fetch(url, { method: 'HEAD', signal });
        return { status: response.status, date: response.headers.get('date') ?? undefined };
      },
    },
    // A namespace without a cable must not decide this test.
    probes: { links: async () => ['lo'], addresses: async () => ['127.0.0.1'] },
  };
  const { checks } = await checkNetwork(options);
  const result = (id: string): string | undefined =>
    checks.find((check) => check.id === id)?.result;
  expect(result('dns')).toBe('skipped');
  expect(result('campus')).toBe('ok');
  expect(result('clock')).toBe('ok');
  expect(['ok', 'failed', 'skipped']).toContain(result('gateway'));

  // A port that was free a moment ago: refused at once.
  const gone = createTcpServer();
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const free = (gone.address() as AddressInfo).port;
  await new Promise((resolve) => gone.close(resolve));
  const after = await checkNetwork({
    ...options,
    campus: { ...options.campus, servers: () => [`http://127.0.0.1:${free}/`] },
  });
  expect(after.checks.map(({ result }) => result).slice(-2)).toEqual(['failed', 'skipped']);
});

test('the gateway is read where there is one', async () => {
  const gateway = await readGateway();
  if (gateway === undefined) {
    console.log('skipped: this computer has no default route');
    return;
  }
  expect(gateway.address).toMatch(/^[0-9a-f.:]+$/);
  expect(Object.keys(networkInterfaces())).toContain(gateway.device);
});
