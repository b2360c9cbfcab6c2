import { Input, Label, TextField } from 'react-aria-components/TextField';

/** A labelled line of text. */
export function Field(props: {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly type?: 'text' | 'password';
  readonly autoFocus?: boolean;
  readonly maxLength: number;
}) {
  return (
    <TextField
      className="field"
      name={props.name}
      value={props.value}
      onChange={props.onChange}
      type={props.type ?? 'text'}
      autoComplete="off"
      autoFocus={props.autoFocus ?? false}
      maxLength={props.maxLength}
    >
      <Label>{props.label}</Label>
      {/* A kiosk's next user must not find what the last one typed. */}
      <Input className="input" spellCheck={false} autoCapitalize="off" autoCorrect="off" />
    </TextField>
  );
}
