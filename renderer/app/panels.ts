/** What opens over the screen from its footer. */
export type Panel =
  | 'accessibility'
  | 'administrator'
  | 'sign-out'
  | 'shutdown'
  | 'restart'
  | 'suspend';
