import { Button as AriaButton, type ButtonProps } from 'react-aria-components/Button';

interface Props extends Omit<ButtonProps, 'className'> {
  /** `primary` for the one thing to do next, `danger` where something is lost. */
  readonly tone?: 'plain' | 'primary' | 'danger';
  /** Instead of a button's usual look. */
  readonly className?: string;
}

export function Button({ tone = 'plain', className, ...props }: Props) {
  return <AriaButton {...props} className={className ?? `button ${tone}`} />;
}
