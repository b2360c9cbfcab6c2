import { Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components/Menu';
import { useI18n } from '../i18n/i18n.tsx';
import { RunningSessions } from '../screens/home/RunningSessions.tsx';
import { useKiosk, useKioskState } from '../store/hooks.ts';
import { Button } from '../ui/Button.tsx';
import type { Panel } from './panels.ts';

/** What runs, and what can be done with the computer itself. */
export function Footer({ onPanel }: { readonly onPanel: (panel: Panel) => void }) {
  const { t } = useI18n();
  const { person } = useKioskState();
  const idle = useKiosk((snapshot) => snapshot.sessions.length === 0);
  return (
    <footer className="footer">
      {idle ? <span className="grow" /> : <RunningSessions />}
      <Button onPress={() => onPanel('accessibility')}>{t.home.accessibility}</Button>
      <Button onPress={() => onPanel('administrator')}>{t.home.administrator}</Button>
      {person !== null && <Button onPress={() => onPanel('sign-out')}>{t.home.signOut}</Button>}
      <MenuTrigger>
        <Button>{t.home.power}</Button>
        <Popover className="popover" placement="top end">
          <Menu className="menu" aria-label={t.home.power}>
            <MenuItem className="menu-item" onAction={() => onPanel('suspend')}>
              {t.power.suspend}
            </MenuItem>
            <MenuItem className="menu-item" onAction={() => onPanel('restart')}>
              {t.power.restart}
            </MenuItem>
            <MenuItem className="menu-item" onAction={() => onPanel('shutdown')}>
              {t.power.shutdown}
            </MenuItem>
          </Menu>
        </Popover>
      </MenuTrigger>
    </footer>
  );
}
