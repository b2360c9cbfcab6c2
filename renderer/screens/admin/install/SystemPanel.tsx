import { useCallback, useEffect, useState } from 'react';
import type { InstalledSystem, Slot } from '../../../../preload/contract/install.ts';
import type { I18n } from '../../../i18n/i18n.tsx';
import { useI18n } from '../../../i18n/i18n.tsx';
import { type KioskFailure, toFailure } from '../../../kiosk.ts';
import { useAsked, useStore } from '../../../store/hooks.ts';
import { Button } from '../../../ui/Button.tsx';
import { Problem } from '../../../ui/Failure.tsx';
import { Answer } from '../Answer.tsx';
import { ConfirmDialog } from '../ConfirmDialog.tsx';
import { shortName } from './DiskChoice.tsx';
import { RemoveDialog } from './RemoveDialog.tsx';
import './install.css';

/** The system on the disk: what is in its slots, and the ways back. */
export function SystemPanel() {
  const { t } = useI18n();
  const { api } = useStore();
  const asked = useAsked(useCallback(() => api.install.system(), [api]));
  const { ask } = asked;
  useEffect(() => api.on('install.changed', ask), [api, ask]);
  // `null` is an answer here: nothing is installed.
  if (!asked.busy && asked.error === null && asked.data === null)
    return <p>{t.admin.system.none}</p>;
  return <Answer asked={asked}>{(system) => system && <Installed system={system} />}</Answer>;
}

type Question =
  | { readonly kind: 'use'; readonly slot: Slot }
  | { readonly kind: 'repair' | 'remove' };

function Installed({ system }: { readonly system: InstalledSystem }) {
  const { t } = useI18n();
  const { api } = useStore();
  const s = t.admin.system;
  const [question, setQuestion] = useState<Question | null>(null);
  const [said, setSaid] = useState('');
  const [error, setError] = useState<KioskFailure | null>(null);
  const attempt = (call: Promise<unknown>, success: string) => {
    setQuestion(null);
    setError(null);
    setSaid('');
    call.then(
      () => setSaid(success),
      (thrown: unknown) => setError(toFailure(thrown)),
    );
  };
  const close = () => setQuestion(null);
  return (
    <>
      <p>{s.lead(shortName(system.disk))}</p>
      {system.running === null && <p className="hint">{s.network}</p>}
      <p role="status">{said}</p>
      <Problem error={error} />
      <Slots
        system={system}
        onCheck={(slot) => attempt(api.install.verify({ slot: slot.name }), s.jobStarted)}
        onUse={(slot) => setQuestion({ kind: 'use', slot })}
      />
      {system.bootProblem !== null && (
        <p className="refusal">{s.bootProblem(system.bootProblem)}</p>
      )}
      <dl className="ways">
        <div>
          <dt>
            <Button onPress={() => setQuestion({ kind: 'repair' })}>{s.repair}</Button>
          </dt>
          <dd>{s.repairLead}</dd>
        </div>
        <div>
          <dt>
            <Button tone="danger" onPress={() => setQuestion({ kind: 'remove' })}>
              {s.remove}
            </Button>
          </dt>
          <dd>{s.removeLead}</dd>
        </div>
      </dl>
      {question?.kind === 'use' && (
        <ConfirmDialog
          title={s.chooseTitle(question.slot.version)}
          text={s.chooseLead}
          confirm={s.choose}
          onClose={close}
          onConfirm={() => attempt(api.install.rollback({ slot: question.slot.name }), s.chosen)}
        />
      )}
      {question?.kind === 'repair' && (
        <ConfirmDialog
          title={s.repairTitle}
          text={s.repairLead}
          confirm={s.repair}
          onClose={close}
          onConfirm={() => attempt(api.install.repairBoot({ disk: system.disk }), s.jobStarted)}
        />
      )}
      {question?.kind === 'remove' && (
        <RemoveDialog
          disk={system.disk}
          onClose={close}
          onConfirm={(confirmation) =>
            attempt(api.install.remove({ disk: system.disk, confirmation }), s.jobStarted)
          }
        />
      )}
    </>
  );
}

function Slots(props: {
  readonly system: InstalledSystem;
  readonly onCheck: (slot: Slot) => void;
  readonly onUse: (slot: Slot) => void;
}) {
  const i18n = useI18n();
  const { t, format } = i18n;
  const s = t.admin.system;
  return (
    <div className="table-scroll">
      <table>
        <thead>
          <tr>
            {[s.slot, s.version, s.size, s.written, s.state, s.actions].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.system.slots.map((slot) => (
            <tr key={slot.name}>
              <th scope="row">{slot.name}</th>
              <td>{slot.version}</td>
              <td>{format.bytes(slot.bytes)}</td>
              <td>{slot.writtenAt === null ? '' : format.stamp(slot.writtenAt)}</td>
              <td>{slotState(slot, props.system, i18n)}</td>
              <td>
                <div className="row tight">
                  <Button aria-label={s.checkOf(slot.name)} onPress={() => props.onCheck(slot)}>
                    {s.check}
                  </Button>
                  {slot.name !== props.system.good && (
                    <Button aria-label={s.chooseOf(slot.name)} onPress={() => props.onUse(slot)}>
                      {s.choose}
                    </Button>
                  )}
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function slotState(slot: Slot, system: InstalledSystem, { t }: I18n): string {
  const s = t.admin.system;
  return [
    system.running === slot.name && s.running,
    system.good === slot.name && s.good,
    system.trial?.slot === slot.name && s.trial(String(system.trial.tries)),
    system.failed === slot.name && s.failed,
    !slot.verified && s.unverified,
  ]
    .filter(Boolean)
    .join(', ');
}
