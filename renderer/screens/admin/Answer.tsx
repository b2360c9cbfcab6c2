import type { ReactNode } from 'react';
import { useI18n } from '../../i18n/i18n.tsx';
import type { Asked } from '../../store/hooks.ts';
import { Button } from '../../ui/Button.tsx';
import { Failure } from '../../ui/Failure.tsx';

/** What was asked for, once it is there; before that a word, and a failure with a way to retry. */
export function Answer<T>(props: {
  readonly asked: Asked<T>;
  readonly children: (data: T) => ReactNode;
}) {
  const { t } = useI18n();
  const { data, error, busy, ask } = props.asked;
  return (
    <>
      {error !== null && (
        <div className="problem" role="alert">
          <Failure error={error} />
          <Button onPress={ask}>{t.common.retry}</Button>
        </div>
      )}
      {data === null && busy && <p role="status">{t.common.loading}</p>}
      {data !== null && props.children(data)}
    </>
  );
}
