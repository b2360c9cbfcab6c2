import { useCallback } from 'react';
import type { DeviceFacts } from '../../../preload/contract/model.ts';
import type { I18n } from '../../i18n/i18n.tsx';
import { useI18n } from '../../i18n/i18n.tsx';
import { useAsked, useStore } from '../../store/hooks.ts';
import { Button } from '../../ui/Button.tsx';
import { Answer } from './Answer.tsx';
import { Facts, Lines } from './Facts.tsx';

const SECOND = 1000;

export function DevicePanel() {
  const i18n = useI18n();
  const { api } = useStore();
  const asked = useAsked(useCallback(() => api.device.facts(), [api]));
  return (
    <>
      <Answer asked={asked}>{(facts) => <Facts rows={rowsOf(facts, i18n)} />}</Answer>
      <Button isPending={asked.busy} onPress={asked.ask}>
        {i18n.t.common.refresh}
      </Button>
    </>
  );
}

function rowsOf(facts: DeviceFacts, { t, format }: I18n) {
  const f = t.admin.facts;
  const present = (yes: boolean) => (yes ? f.available : f.missing);
  const { none, unknown } = t.common;
  return [
    [f.computer, [facts.manufacturer, facts.model].filter(Boolean).join(' ') || unknown],
    [f.serial, facts.serial || unknown],
    [f.firmware, facts.firmware === 'unknown' ? unknown : facts.firmware.toUpperCase()],
    [
      f.secureBoot,
      facts.secureBoot === null ? unknown : facts.secureBoot ? t.common.yes : t.common.no,
    ],
    [
      f.processor,
      `${facts.cpu.model} · ${f.cores(format.number(facts.cpu.cores), format.number(facts.cpu.threads))}`,
    ],
    [
      f.memory,
      f.memoryFree(format.bytes(facts.memory.available), format.bytes(facts.memory.total)),
    ],
    [f.graphics, <Lines key="graphics" lines={facts.graphics} none={none} />],
    [
      f.displays,
      <Lines
        key="displays"
        lines={facts.displays.map(({ name, width, height }) => `${name} · ${width} × ${height}`)}
        none={none}
      />,
    ],
    [
      f.disks,
      <Lines
        key="disks"
        lines={facts.disks.map(
          ({ device, model, bytes }) => `${device} · ${model} · ${format.bytes(bytes)}`,
        )}
        none={none}
      />,
    ],
    [
      f.interfaces,
      <Lines
        key="network"
        lines={facts.network.map(({ name, mac, addresses, up }) =>
          [name, up ? f.up : f.down, ...addresses, mac].filter(Boolean).join(' · '),
        )}
        none={none}
      />,
    ],
    [
      f.virtualization,
      [present(facts.virtualization.kvm), facts.virtualization.reason].filter(Boolean).join(' · '),
    ],
    [f.tpm, present(facts.tpm)],
    [f.system, facts.operatingSystem],
    [f.uptime, format.stamp(Date.now() - facts.uptimeSeconds * SECOND)],
  ] as const;
}
