import { Switch } from 'react-aria-components/Switch';

/** A switch with its label, and a hint below. */
export function Toggle(props: {
  readonly label: string;
  readonly hint?: string;
  readonly isSelected: boolean;
  readonly onChange: (isSelected: boolean) => void;
}) {
  return (
    <Switch className="toggle" isSelected={props.isSelected} onChange={props.onChange}>
      <span className="track" aria-hidden="true">
        <span className="thumb" />
      </span>
      <span>
        {props.label}
        {props.hint !== undefined && <span className="hint">{props.hint}</span>}
      </span>
    </Switch>
  );
}
