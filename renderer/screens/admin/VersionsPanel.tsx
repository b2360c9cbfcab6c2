import { useCallback } from 'react';
import { useI18n } from '../../i18n/i18n.tsx';
import { useAsked, useKioskState, useStore } from '../../store/hooks.ts';
import { Answer } from './Answer.tsx';
import { Facts } from './Facts.tsx';

export function VersionsPanel() {
  const { t } = useI18n();
  const { api } = useStore();
  const { ui } = useKioskState();
  const asked = useAsked(useCallback(() => api.device.versions(), [api]));
  const v = t.admin.version;
  return (
    <Answer asked={asked}>
      {(versions) => (
        <Facts
          rows={[
            [v.vestibule, versions.vestibule],
            [v.ui, versions.ui],
            [v.uiSource, v[ui.source]],
            [v.manifest, versions.manifest ?? t.common.none],
            [v.shell, versions.shell],
            [v.node, versions.node],
            [v.qemu, versions.qemu ?? v.absent],
            [v.kernel, versions.kernel],
          ]}
        />
      )}
    </Answer>
  );
}
