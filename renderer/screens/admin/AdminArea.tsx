import { useEffect, useRef } from 'react';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs';
import { useI18n } from '../../i18n/i18n.tsx';
import { Button } from '../../ui/Button.tsx';
import { DevicePanel } from './DevicePanel.tsx';
import { ImagesPanel } from './ImagesPanel.tsx';
import { InstallPanel } from './install/InstallPanel.tsx';
import { SystemPanel } from './install/SystemPanel.tsx';
import { JobsPanel } from './JobsPanel.tsx';
import { LogsPanel } from './LogsPanel.tsx';
import { NetworkPanel } from './NetworkPanel.tsx';
import { SettingsPanel } from './SettingsPanel.tsx';
import { StoragePanel } from './StoragePanel.tsx';
import { VersionsPanel } from './VersionsPanel.tsx';
import './admin.css';

const SECTIONS = [
  ['device', DevicePanel],
  ['network', NetworkPanel],
  ['versions', VersionsPanel],
  ['storage', StoragePanel],
  ['images', ImagesPanel],
  ['installation', InstallPanel],
  ['slots', SystemPanel],
  ['jobs', JobsPanel],
  ['logs', LogsPanel],
  ['settings', SettingsPanel],
] as const;

/** What an administrator sees of this computer. Fetched when it is opened. */
export default function AdminArea({ onClose }: { readonly onClose: () => void }) {
  const { t } = useI18n();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <main className="admin">
      <div className="admin-head">
        <h1 ref={heading} tabIndex={-1}>
          {t.admin.title}
        </h1>
        <Button onPress={onClose}>{t.common.close}</Button>
      </div>
      <Tabs className="tabs" orientation="vertical">
        <TabList className="tab-list" aria-label={t.admin.title}>
          {SECTIONS.map(([id]) => (
            <Tab key={id} id={id} className="tab">
              {t.admin[id]}
            </Tab>
          ))}
        </TabList>
        {SECTIONS.map(([id, Panel]) => (
          <TabPanel key={id} id={id} className="tab-panel">
            <h2>{t.admin[id]}</h2>
            <Panel />
          </TabPanel>
        ))}
      </Tabs>
    </main>
  );
}
