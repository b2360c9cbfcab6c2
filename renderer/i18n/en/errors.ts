import type { ErrorTexts } from '../catalogue.ts';

const support = 'Tell the support of this room, with the code below.';
const again = 'Try again. If it happens again, tell the support of this room, with the code below.';
const offline = 'You can go on: sessions marked ready start without the network.';
const campus =
  'You can go on with what this computer has. The support of the campus has to look at it.';
const other = 'Use another session or another computer, and tell the support of this room.';

export const errors: ErrorTexts = {
  BRIDGE_CALLER_REFUSED: { what: 'This page may not use the computer.', next: support },
  BRIDGE_UNKNOWN_METHOD: {
    what: 'The interface asked for something that this version does not know.',
    next: support,
  },
  BRIDGE_BAD_ARGUMENTS: {
    what: 'The interface asked for something in a wrong way.',
    next: support,
  },
  BRIDGE_BAD_RESULT: { what: 'The computer gave an answer that makes no sense.', next: support },
  BRIDGE_MESSAGE_TOO_LARGE: { what: 'The interface sent more than it may.', next: support },
  BRIDGE_TOO_MANY_CALLS: {
    what: 'Too many things were asked at once.',
    next: 'Wait a moment, then try again.',
  },
  BRIDGE_CLOSED: {
    what: 'The interface has lost its connection to the computer.',
    next: 'Wait a moment: it comes back by itself. Your sessions go on.',
  },
  NOT_ALLOWED: {
    what: 'You may not do that.',
    next: 'Sign in with an account that may, or ask the support of this room.',
  },
  INTERNAL: { what: 'Something went wrong inside this computer.', next: again },
  CANCELLED: { what: 'It was cancelled.', next: 'Start it again when you want.' },
  TIMEOUT: { what: 'It took too long.', next: again },

  CAMPUS_UNREACHABLE: { what: 'The campus server cannot be reached.', next: offline },
  CAMPUS_TIMEOUT: { what: 'The campus server does not answer.', next: offline },
  CAMPUS_HTTP_ERROR: { what: 'The campus server has a problem.', next: offline },
  CAMPUS_CERTIFICATE: {
    what: 'The campus server could not prove who it is, so this computer does not trust it.',
    next: campus,
  },
  CAMPUS_REDIRECT_REFUSED: {
    what: 'The campus server sent this computer somewhere it may not go.',
    next: campus,
  },
  CAMPUS_RESPONSE_TOO_LARGE: {
    what: 'The campus server sent more than this computer accepts.',
    next: campus,
  },
  CAMPUS_TOO_SLOW: { what: 'The network is too slow at the moment.', next: offline },
  CAMPUS_BAD_RESPONSE: {
    what: 'The campus server gave an answer that makes no sense.',
    next: campus,
  },
  CAMPUS_ENDPOINT_ABSENT: {
    what: 'The campus does not offer this service.',
    next: 'You can go on without it.',
  },

  MANIFEST_SIGNATURE_MISSING: {
    what: 'The catalogue of the campus is not signed, so it is not used.',
    next: campus,
  },
  MANIFEST_SIGNATURE_WRONG: {
    what: 'The catalogue of the campus was changed on its way, so it is not used.',
    next: campus,
  },
  MANIFEST_KEY_UNKNOWN: {
    what: 'The catalogue of the campus is signed by somebody whom this computer does not know.',
    next: campus,
  },
  MANIFEST_OLDER: {
    what: 'The campus offered an older catalogue than the one in use.',
    next: campus,
  },
  MANIFEST_EXPIRED: { what: 'The catalogue of the campus has expired.', next: campus },
  MANIFEST_TOO_LARGE: { what: 'The catalogue of the campus is too large.', next: campus },
  MANIFEST_NOT_JSON: { what: 'The catalogue of the campus cannot be read.', next: campus },
  MANIFEST_INVALID: { what: 'The catalogue of the campus has mistakes.', next: campus },

  UI_FILE_MISMATCH: {
    what: 'A file of the interface was damaged and is fetched again.',
    next: 'You need not do anything.',
  },
  UI_RENDER_FAILED: {
    what: 'A new version of the interface did not work, so the one before is used.',
    next: 'You need not do anything: the campus has been told.',
  },
  UI_CRASHED: {
    what: 'The interface stopped and was started again.',
    next: 'Your sessions went on. You need not do anything.',
  },
  UI_NOT_CACHED: {
    what: 'This part of the interface is not on this computer.',
    next: 'It works again as soon as the network is back.',
  },

  SIGN_IN_WRONG: {
    what: 'The user name or the password is not right.',
    next: 'Check both, and the Caps Lock key, then try again.',
  },
  SIGN_IN_LOCKED: {
    what: 'There were too many wrong attempts.',
    next: 'Wait until the time shown, or ask the support of this room.',
  },
  SIGN_IN_NEEDS_NETWORK: {
    what: 'Your account cannot be checked without the network.',
    next: 'Continue as a guest if that is offered, or try again when the network is back.',
  },
  SIGN_IN_REQUIRED: { what: 'Nobody is signed in any more.', next: 'Sign in again.' },
  GUESTS_NOT_ALLOWED: {
    what: 'This computer does not accept guests.',
    next: 'Sign in with your account.',
  },

  HOME_LOCKED: {
    what: 'The files that you left on this computer are locked with your previous password.',
    next: 'They had not been sent to the campus yet, and they are kept. Ask the support of this room to unlock them with you.',
  },
  HOME_UNAVAILABLE: {
    what: 'Your personal folder cannot be opened on this computer.',
    next: 'You can work; save your files elsewhere, and tell the support of this room.',
  },
  HOME_STORAGE_REFUSED: {
    what: "The campus's storage does not let you in.",
    next: 'Your files stay on this computer. Sign out and in again; if it happens again, ask the support.',
  },
  HOME_STORAGE_FULL: {
    what: 'Your storage on the campus is full.',
    next: 'Delete what you do not need any more. New files stay on this computer until there is room.',
  },
  ENTRY_UNKNOWN: {
    what: 'This session is no longer in the catalogue.',
    next: 'Choose another one.',
  },
  ENTRY_NEEDS_NETWORK: {
    what: 'This session needs the network, and the network is down.',
    next: 'Choose a session marked ready, or try again when the network is back.',
  },
  SESSION_UNKNOWN: {
    what: 'This session has already ended.',
    next: 'Start it again when you need it.',
  },
  SESSION_LIMIT: {
    what: 'No more sessions can run on this computer at once.',
    next: 'Stop one that you no longer need, then try again.',
  },
  ENGINE_MISSING: { what: 'This computer lacks the program that this session needs.', next: other },
  NOT_ENOUGH_MEMORY: {
    what: 'There is not enough free memory for this session.',
    next: 'Stop other sessions, if any are open, and try again; or use another computer.',
  },
  NOT_ENOUGH_DISK: {
    what: 'There is not enough free space on the disk for this session.',
    next: 'Stop another session, then try again. If it happens again, tell the support of this room.',
  },
  SESSION_TIMEOUT: { what: 'The session did not start in time.', next: again },

  MACHINE_DESCRIPTION_INVALID: {
    what: 'The description of this machine has mistakes.',
    next: other,
  },
  MACHINE_IMAGE_MISSING: {
    what: 'The disk of this machine is not on this computer.',
    next: 'It starts once its image has arrived. Choose another session meanwhile.',
  },
  MACHINE_IMAGE_CORRUPT: {
    what: 'The disk of this machine is damaged, so it is not used.',
    next: 'It is fetched again. Choose another session meanwhile.',
  },
  MACHINE_PROGRAM_MISSING: {
    what: 'This computer lacks the program that runs machines.',
    next: other,
  },
  MACHINE_DIED: { what: 'The machine ended at once when it was started.', next: again },
  MACHINE_SILENT: { what: 'The machine does not answer.', next: again },
  MACHINE_CRASHED: {
    what: 'The machine has crashed.',
    next: 'Start it again. If it happens again, tell the support of this room, with the code below.',
  },
  MACHINE_FIRMWARE_MISSING: {
    what: 'This computer lacks the firmware that this machine needs.',
    next: other,
  },
  MACHINE_TPM_FAILED: {
    what: 'The security chip of this machine could not be started.',
    next: again,
  },
  MACHINE_SLOW: {
    what: 'This computer runs machines slowly, because its processor’s help for them is switched off.',
    next: 'They work, but take longer. Tell the support of this room to switch on virtualization in the firmware.',
  },
  MACHINE_IMPORT_UNSUPPORTED: {
    what: 'The description of this machine asks for something that is not supported.',
    next: other,
  },
  DISPLAY_UNAVAILABLE: {
    what: 'The picture of this session cannot be shown now.',
    next: 'Ask for the picture again. The session still runs.',
  },
  DISPLAY_TOKEN_REFUSED: {
    what: 'The permission to show the picture has been used up.',
    next: 'Ask for the picture again. The session still runs.',
  },

  REMOTE_REFUSED: {
    what: 'The remote computer refused the connection.',
    next: 'Try again in a few minutes. If it happens again, tell the support of this room.',
  },
  REMOTE_CERTIFICATE: {
    what: 'The remote computer could not prove who it is, so no connection was made.',
    next: support,
  },
  REMOTE_CERTIFICATE_CHANGED: {
    what: 'The remote computer is not the one that was used before, so no connection was made.',
    next: 'Do not type your password anywhere. Tell the support of this room, with the code below.',
  },
  REMOTE_CREDENTIALS_WRONG: {
    what: 'The remote computer did not accept your name or password.',
    next: 'Sign out, sign in again, and retry. Your password may have changed.',
  },
  REMOTE_NLA_REQUIRED: {
    what: 'The remote computer wants a sign-in that this session does not offer.',
    next: support,
  },
  REMOTE_TICKET_EXPIRED: {
    what: 'The permission to connect has expired.',
    next: 'Try again: a new one is asked for.',
  },
  REMOTE_LOST: {
    what: 'The connection to the remote computer was lost.',
    next: 'Connect again: your work there usually goes on.',
  },
  REMOTE_NEGOTIATION_FAILED: {
    what: 'The remote computer and this one could not agree on how to connect.',
    next: support,
  },
  REMOTE_FEATURE_MISSING: {
    what: 'This computer lacks something that the session offers.',
    next: 'The session works without it.',
  },

  IMAGE_UNKNOWN: {
    what: 'This image is not known on this computer.',
    next: 'Refresh the list and choose again.',
  },
  IMAGE_MANIFEST_INVALID: {
    what: 'The description of an image has mistakes, so the image is not used.',
    next: campus,
  },
  IMAGE_HASH_MISMATCH: {
    what: 'An image arrived damaged and is not used.',
    next: 'It is fetched again. You need not do anything.',
  },
  IMAGE_IN_USE: { what: 'A session uses this image.', next: 'Stop the session, then try again.' },
  IMAGE_TRANSPORT_FAILED: {
    what: 'An image could not be received.',
    next: 'It is tried again by itself when the network allows.',
  },
  IMAGE_NOT_STARTED: {
    what: 'The transmission of an image has not begun.',
    next: 'It is received when the campus sends it.',
  },
  IMAGE_STREAM_WRONG: {
    what: 'Another image was sent than the one that was expected.',
    next: campus,
  },
  IMAGE_SOURCE_UNSUPPORTED: {
    what: 'An image is offered in a way that this computer does not know.',
    next: campus,
  },

  DISK_FULL: {
    what: 'The disk of this computer is full.',
    next: 'Stop sessions that you do not need, and tell the support of this room.',
  },
  DISK_READ_ONLY: {
    what: 'The disk of this computer can only be read.',
    next: 'Save your work elsewhere, and tell the support of this room.',
  },
  DATABASE_CORRUPT: {
    what: 'The memory of this computer was damaged and was made anew.',
    next: 'You can go on. You may have to sign in with the network once.',
  },
  STORE_LOCKED: {
    what: 'Another program is using the same data.',
    next: 'Wait a moment, then try again.',
  },

  JOB_UNKNOWN: { what: 'This job is no longer known.', next: 'Refresh the list.' },
  JOB_STATE: {
    what: 'This job cannot do that now.',
    next: 'Look at its state, then choose again.',
  },

  SETTINGS_INVALID: { what: 'A setting of this computer has a mistake.', next: support },
  SETTINGS_UNREADABLE: { what: 'The settings of this computer cannot be read.', next: support },

  PROGRAM_MISSING: { what: 'A program is missing on this computer.', next: other },
  PROGRAM_FAILED: { what: 'A program on this computer has failed.', next: again },

  HELPER_ABSENT: { what: 'The service for work on the system does not run.', next: support },
  HELPER_REFUSED: { what: 'The service for work on the system refused that.', next: support },
  POWER_REFUSED: {
    what: 'The computer could not be switched off, restarted or put to sleep.',
    next: 'Sign out and leave it on, or ask the support of this room.',
  },

  DISK_IN_USE: {
    what: 'The disk is in use, so it was not touched.',
    next: 'Choose another disk, or stop what uses it.',
  },
  DISK_CHANGED: {
    what: 'The disk is not the one that was chosen, so it was not touched.',
    next: 'Look at the list of disks and choose again.',
  },
  DISK_UNKNOWN: {
    what: 'There is no such disk any more.',
    next: 'Look at the list of disks and choose again.',
  },
  INSTALL_REFUSED: {
    what: 'The disk cannot be used this way, so it was not touched.',
    next: 'Read the reasons in the plan and choose another way.',
  },
  INSTALL_NOT_CONFIRMED: {
    what: 'The name of the disk was not typed as shown.',
    next: 'Type it exactly as shown.',
  },
  INSTALL_SOURCE_MISSING: {
    what: 'The running system cannot be copied to a disk.',
    next: 'Start this computer from the network and try again.',
  },
  SYSTEM_CORRUPT: {
    what: 'The system on the disk is not what was written.',
    next: 'Try again; if it happens again, the disk may be failing.',
  },
  SYSTEM_NOT_INSTALLED: {
    what: 'There is no installed system on that disk.',
    next: 'Look at the list of disks and choose again.',
  },
  BOOT_LOADER_FAILED: {
    what: 'The boot loader could not be written.',
    next: 'Choose “Repair boot”, or ask the support of this room.',
  },
};
