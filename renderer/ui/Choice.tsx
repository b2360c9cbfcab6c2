import { Label, Radio, RadioGroup } from 'react-aria-components/RadioGroup';

/** One of a few, side by side. */
export function Choice<T extends string>(props: {
  readonly label: string;
  readonly value: T;
  readonly options: readonly {
    readonly value: T;
    readonly label: string;
    readonly lang?: string;
  }[];
  readonly onChange: (value: T) => void;
}) {
  return (
    <RadioGroup
      className="choice"
      orientation="horizontal"
      value={props.value}
      onChange={(chosen) => {
        const option = props.options.find(({ value }) => value === chosen);
        if (option !== undefined) props.onChange(option.value);
      }}
    >
      <Label>{props.label}</Label>
      <div className="choice-options">
        {props.options.map(({ value, label, lang }) => (
          <Radio key={value} value={value} className="choice-option">
            <span lang={lang}>{label}</span>
          </Radio>
        ))}
      </div>
    </RadioGroup>
  );
}
