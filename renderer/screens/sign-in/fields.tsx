import { useI18n } from '../../i18n/i18n.tsx';
import { Field } from '../../ui/Field.tsx';

interface Props {
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** A person's name, wherever it is asked for. */
export function NameField(
  props: Props & {
    /** The form's name for it. Default `name`. */
    readonly name?: string;
    readonly autoFocus?: boolean;
  },
) {
  const { t } = useI18n();
  return <Field label={t.signIn.name} maxLength={256} {...props} name={props.name ?? 'name'} />;
}

/** A person's password, wherever it is asked for. */
export function SecretField(props: Props) {
  const { t } = useI18n();
  return (
    <Field label={t.signIn.secret} name="secret" type="password" maxLength={1024} {...props} />
  );
}
