import { ProgressBar } from 'react-aria-components/ProgressBar';
import './progress.css';

/** @param value 0 to 1; null while it is unknown */
export function Progress({
  value,
  label,
}: {
  readonly value: number | null;
  readonly label: string;
}) {
  return (
    <ProgressBar
      className="bar"
      aria-label={label}
      minValue={0}
      maxValue={1}
      isIndeterminate={value === null}
      {...(value === null ? {} : { value })}
    >
      <i style={value === null ? {} : { inlineSize: `${value * 100}%` }} />
    </ProgressBar>
  );
}
