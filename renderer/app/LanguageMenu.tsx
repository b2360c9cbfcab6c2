import { Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components/Menu';
import { LOCALE_NAMES } from '../i18n/catalogue.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { useKioskState, useStore } from '../store/hooks.ts';
import { Button } from '../ui/Button.tsx';

/** Each language in its own words. */
export function LanguageMenu() {
  const { t } = useI18n();
  const store = useStore();
  const { preferences, locales } = useKioskState();
  return (
    <MenuTrigger>
      <Button
        className="text-button"
        aria-label={`${t.header.language}: ${LOCALE_NAMES[preferences.locale]}`}
      >
        {LOCALE_NAMES[preferences.locale]} <span aria-hidden="true">▾</span>
      </Button>
      <Popover className="popover">
        <Menu
          className="menu"
          aria-label={t.header.language}
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[preferences.locale]}
          onAction={(key) => {
            const locale = locales.find((known) => known === key);
            if (locale !== undefined) store.setPreferences({ locale });
          }}
        >
          {locales.map((locale) => (
            <MenuItem key={locale} id={locale} className="menu-item" lang={locale}>
              {LOCALE_NAMES[locale]}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
