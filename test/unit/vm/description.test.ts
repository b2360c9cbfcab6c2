import { expect, it } from 'vitest';
import { descriptionJsonSchema, parseDescription } from '../../../main/sessions/vm/description.ts';

it('an empty description is a sensible machine', () => {
  expect(parseDescription({})).toMatchObject({
    machine: 'q35',
    firmware: { type: 'bios' },
    networks: [{ type: 'user', model: 'virtio' }],
    memory: { share: 0.5 },
  });
});

it.each([
  [{ cpu: { count: 0 } }, 'cpu.count'],
  [{ networks: [{ type: 'group:' }] }, 'networks.0.type'],
  [{ networks: [{ type: 'group:../etc' }] }, 'networks.0.type'],
  [{ networks: [{ mac: '01:00:00:00:00:00' }] }, 'networks.0.mac'],
  [{ networks: [{ mac: '52:54:00:00:00:01,netdev=x' }] }, 'networks.0.mac'],
  [{ firmware: { type: 'bios', secureBoot: true } }, 'firmware'],
  [{ machine: 'pc', firmware: { type: 'uefi', secureBoot: true } }, 'firmware'],
  [{ disks: [{ type: 'scratch', sizeMib: 0 }] }, 'disks.0.sizeMib'],
  [{ arguments: ['-snapshot'] }, 'description'],
  ['text', 'description'],
])('refuses %j and names %s', (value, field) => {
  expect(() => parseDescription(value)).toThrow(
    expect.objectContaining({ code: 'MACHINE_DESCRIPTION_INVALID', details: { field } }),
  );
});

it('docs/machine.schema.json is that of the schema', async () => {
  const text = `${JSON.stringify(descriptionJsonSchema(), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot('../../../docs/machine.schema.json');
});
