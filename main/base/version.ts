/** Vestibule's own version, the one of package.json. */
import manifest from '../../package.json' with { type: 'json' };

export const VERSION: string = manifest.version;
