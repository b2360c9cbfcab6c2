/** The people of the demo campus. Their passwords are public: never use them elsewhere. */
export interface DemoPerson {
  readonly name: string;
  readonly secret: string;
  readonly fullName: string;
  readonly groups: readonly string[];
}

export const DEMO_PEOPLE: readonly DemoPerson[] = [
  { name: 'alice', secret: 'member', fullName: 'Alice Martin', groups: ['students'] },
  {
    name: 'bob',
    secret: 'member',
    fullName: 'Bob Durand',
    groups: ['students', 'networks-course'],
  },
  {
    name: 'admin',
    secret: 'admin',
    fullName: 'Lab administrator',
    groups: ['staff', 'kiosk-admins'],
  },
];

/** Members of these administer kiosks. */
export const DEMO_ADMIN_GROUPS = ['kiosk-admins'];
