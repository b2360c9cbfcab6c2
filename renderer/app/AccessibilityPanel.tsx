import { LOCALE_NAMES } from '../i18n/catalogue.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { useKioskState, useStore } from '../store/hooks.ts';
import { Button } from '../ui/Button.tsx';
import { Choice } from '../ui/Choice.tsx';
import { ModalDialog } from '../ui/ModalDialog.tsx';
import { Toggle } from '../ui/Toggle.tsx';

const TEXT_SCALES = ['1', '1.25', '1.5', '1.75', '2'] as const;

/** Everything applies at once; main keeps it for as long as its settings say. */
export function AccessibilityPanel({ onClose }: { readonly onClose: () => void }) {
  const { t, format } = useI18n();
  const store = useStore();
  const { preferences, locales } = useKioskState();
  const scale = TEXT_SCALES.find((known) => Number(known) === preferences.textScale) ?? '1';
  return (
    <ModalDialog
      title={t.access.title}
      onClose={onClose}
      actions={
        <Button tone="primary" onPress={onClose}>
          {t.common.close}
        </Button>
      }
    >
      <Toggle
        label={t.access.contrast}
        hint={t.access.contrastHint}
        isSelected={preferences.highContrast}
        onChange={(highContrast) => store.setPreferences({ highContrast })}
      />
      <Toggle
        label={t.access.motion}
        hint={t.access.motionHint}
        isSelected={preferences.reducedMotion}
        onChange={(reducedMotion) => store.setPreferences({ reducedMotion })}
      />
      <Choice
        label={t.access.textSize}
        value={scale}
        options={TEXT_SCALES.map((value) => ({
          value,
          label: format.percent(Number(value)),
        }))}
        onChange={(value) => store.setPreferences({ textScale: Number(value) })}
      />
      <Choice
        label={t.access.language}
        value={preferences.locale}
        options={locales.map((value) => ({ value, label: LOCALE_NAMES[value], lang: value }))}
        onChange={(locale) => store.setPreferences({ locale })}
      />
    </ModalDialog>
  );
}
