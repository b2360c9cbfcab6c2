import { useEffect, useState } from 'react';
import { useI18n } from '../i18n/i18n.tsx';
import { useKiosk, useStore } from '../store/hooks.ts';
import type { Toast } from '../store/store.ts';
import { Button } from '../ui/Button.tsx';
import './toasts.css';

/** Time to read what need not be acted on; failures stay until they are dismissed. */
const READ_MS = 12_000;

/** Notices that block nothing. The region is always there, so that screen readers follow it. */
export function Toasts() {
  const { t } = useI18n();
  const toasts = useKiosk((snapshot) => snapshot.toasts);
  return (
    <section className="toasts" aria-label={t.notices.region} aria-live="polite">
      {toasts.map((toast) => (
        <Item key={toast.id} toast={toast} />
      ))}
    </section>
  );
}

function Item({ toast }: { readonly toast: Toast }) {
  const { t, errorText } = useI18n();
  const store = useStore();
  const [held, setHeld] = useState(false);
  const text = errorText(toast.error);

  useEffect(() => {
    if (held || toast.level === 'error') return;
    const timer = setTimeout(() => store.dismissToast(toast.id), READ_MS);
    return () => clearTimeout(timer);
  }, [held, store, toast.id, toast.level]);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: pointing at it only holds its clock
    <div
      className={`toast ${toast.level}`}
      role={toast.level === 'error' ? 'alert' : undefined}
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <div>
        <strong>{text.what}</strong>
        <p>{text.next}</p>
        {toast.level === 'error' && <p className="code">{t.common.code(toast.error.code)}</p>}
      </div>
      <Button onPress={() => store.dismissToast(toast.id)}>{t.common.dismiss}</Button>
    </div>
  );
}
