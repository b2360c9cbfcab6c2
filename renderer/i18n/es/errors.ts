import type { ErrorTexts } from '../catalogue.ts';

const support = 'Avise al soporte de esta sala, con el código de abajo.';
const again =
  'Vuelva a intentarlo. Si ocurre de nuevo, avise al soporte de esta sala, con el código de abajo.';
const offline = 'Puede continuar: las sesiones listas se inician sin la red.';
const campus =
  'Puede continuar con lo que este equipo ya tiene. El soporte del campus debe revisarlo.';
const other = 'Use otra sesión u otro equipo, y avise al soporte de esta sala.';

export const errors: ErrorTexts = {
  BRIDGE_CALLER_REFUSED: { what: 'Esta página no puede usar el equipo.', next: support },
  BRIDGE_UNKNOWN_METHOD: {
    what: 'La interfaz pidió algo que esta versión no conoce.',
    next: support,
  },
  BRIDGE_BAD_ARGUMENTS: { what: 'La interfaz hizo una petición incorrecta.', next: support },
  BRIDGE_BAD_RESULT: { what: 'El equipo dio una respuesta sin sentido.', next: support },
  BRIDGE_MESSAGE_TOO_LARGE: { what: 'La interfaz envió más de lo permitido.', next: support },
  BRIDGE_TOO_MANY_CALLS: {
    what: 'Se pidieron demasiadas cosas a la vez.',
    next: 'Espere un momento y vuelva a intentarlo.',
  },
  BRIDGE_CLOSED: {
    what: 'La interfaz perdió la conexión con el equipo.',
    next: 'Espere un momento: vuelve por sí sola. Sus sesiones continúan.',
  },
  NOT_ALLOWED: {
    what: 'No tiene permiso para hacer eso.',
    next: 'Inicie sesión con una cuenta autorizada, o pregunte al soporte de esta sala.',
  },
  INTERNAL: { what: 'Algo falló dentro de este equipo.', next: again },
  CANCELLED: { what: 'Se canceló.', next: 'Iníciela de nuevo cuando quiera.' },
  TIMEOUT: { what: 'Tardó demasiado.', next: again },

  CAMPUS_UNREACHABLE: { what: 'No se puede llegar al servidor del campus.', next: offline },
  CAMPUS_TIMEOUT: { what: 'El servidor del campus no responde.', next: offline },
  CAMPUS_HTTP_ERROR: { what: 'El servidor del campus tiene un problema.', next: offline },
  CAMPUS_CERTIFICATE: {
    what: 'El servidor del campus no pudo demostrar quién es, así que este equipo no confía en él.',
    next: campus,
  },
  CAMPUS_REDIRECT_REFUSED: {
    what: 'El servidor del campus envió este equipo a un lugar no permitido.',
    next: campus,
  },
  CAMPUS_RESPONSE_TOO_LARGE: {
    what: 'El servidor del campus envió más de lo que este equipo acepta.',
    next: campus,
  },
  CAMPUS_TOO_SLOW: { what: 'La red va demasiado lenta en este momento.', next: offline },
  CAMPUS_BAD_RESPONSE: {
    what: 'El servidor del campus dio una respuesta sin sentido.',
    next: campus,
  },
  CAMPUS_ENDPOINT_ABSENT: {
    what: 'El campus no ofrece este servicio.',
    next: 'Puede continuar sin él.',
  },

  MANIFEST_SIGNATURE_MISSING: {
    what: 'El catálogo del campus no está firmado, así que no se usa.',
    next: campus,
  },
  MANIFEST_SIGNATURE_WRONG: {
    what: 'El catálogo del campus fue modificado por el camino, así que no se usa.',
    next: campus,
  },
  MANIFEST_KEY_UNKNOWN: {
    what: 'El catálogo del campus está firmado por alguien que este equipo no conoce.',
    next: campus,
  },
  MANIFEST_OLDER: {
    what: 'El campus ofreció un catálogo más antiguo que el que está en uso.',
    next: campus,
  },
  MANIFEST_EXPIRED: { what: 'El catálogo del campus ha caducado.', next: campus },
  MANIFEST_TOO_LARGE: { what: 'El catálogo del campus es demasiado grande.', next: campus },
  MANIFEST_NOT_JSON: { what: 'El catálogo del campus no se puede leer.', next: campus },
  MANIFEST_INVALID: { what: 'El catálogo del campus tiene errores.', next: campus },

  UI_FILE_MISMATCH: {
    what: 'Un archivo de la interfaz estaba dañado y se vuelve a obtener.',
    next: 'No tiene que hacer nada.',
  },
  UI_RENDER_FAILED: {
    what: 'Una versión nueva de la interfaz no funcionó, así que se usa la anterior.',
    next: 'No tiene que hacer nada: el campus ya está avisado.',
  },
  UI_CRASHED: {
    what: 'La interfaz se detuvo y se inició de nuevo.',
    next: 'Sus sesiones continuaron. No tiene que hacer nada.',
  },
  UI_NOT_CACHED: {
    what: 'Esta parte de la interfaz no está en este equipo.',
    next: 'Volverá a funcionar en cuanto vuelva la red.',
  },

  SIGN_IN_WRONG: {
    what: 'El nombre de usuario o la contraseña no son correctos.',
    next: 'Compruebe ambos y la tecla Bloq Mayús, y vuelva a intentarlo.',
  },
  SIGN_IN_LOCKED: {
    what: 'Hubo demasiados intentos incorrectos.',
    next: 'Espere hasta la hora indicada, o pregunte al soporte de esta sala.',
  },
  SIGN_IN_NEEDS_NETWORK: {
    what: 'Su cuenta no se puede comprobar sin la red.',
    next: 'Continúe como invitado si se ofrece, o vuelva a intentarlo cuando vuelva la red.',
  },
  SIGN_IN_REQUIRED: {
    what: 'Ya no hay nadie con la sesión iniciada.',
    next: 'Inicie sesión de nuevo.',
  },
  GUESTS_NOT_ALLOWED: {
    what: 'Este equipo no acepta invitados.',
    next: 'Inicie sesión con su cuenta.',
  },

  HOME_LOCKED: {
    what: 'Los archivos que dejó en este equipo están bloqueados con su contraseña anterior.',
    next: 'Aún no se habían enviado al campus y se conservan. Pida al soporte de esta sala que los desbloquee con usted.',
  },
  HOME_UNAVAILABLE: {
    what: 'Su carpeta personal no se puede abrir en este equipo.',
    next: 'Puede trabajar; guarde sus archivos en otro lugar y avise al soporte de esta sala.',
  },
  HOME_STORAGE_REFUSED: {
    what: 'El almacenamiento del campus no le deja entrar.',
    next: 'Sus archivos permanecen en este equipo. Cierre la sesión y vuelva a iniciarla; si se repite, pregunte al soporte.',
  },
  HOME_STORAGE_FULL: {
    what: 'Su almacenamiento en el campus está lleno.',
    next: 'Borre lo que ya no necesite. Los archivos nuevos permanecen en este equipo hasta que haya sitio.',
  },
  ENTRY_UNKNOWN: { what: 'Esta sesión ya no está en el catálogo.', next: 'Elija otra.' },
  ENTRY_NEEDS_NETWORK: {
    what: 'Esta sesión necesita la red, y no hay red.',
    next: 'Elija una sesión lista, o vuelva a intentarlo cuando vuelva la red.',
  },
  SESSION_UNKNOWN: {
    what: 'Esta sesión ya terminó.',
    next: 'Iníciela de nuevo cuando la necesite.',
  },
  SESSION_LIMIT: {
    what: 'En este equipo no caben más sesiones a la vez.',
    next: 'Detenga una que ya no necesite y vuelva a intentarlo.',
  },
  ENGINE_MISSING: {
    what: 'A este equipo le falta el programa que esta sesión necesita.',
    next: other,
  },
  NOT_ENOUGH_MEMORY: {
    what: 'No hay suficiente memoria libre para esta sesión.',
    next: 'Detenga otras sesiones, si hay alguna abierta, y vuelva a intentarlo; o use otro equipo.',
  },
  NOT_ENOUGH_DISK: {
    what: 'No hay suficiente espacio en el disco para esta sesión.',
    next: 'Detenga otra sesión y vuelva a intentarlo. Si ocurre de nuevo, avise al soporte de esta sala.',
  },
  SESSION_TIMEOUT: { what: 'La sesión no se inició a tiempo.', next: again },

  MACHINE_DESCRIPTION_INVALID: {
    what: 'La descripción de esta máquina tiene errores.',
    next: other,
  },
  MACHINE_IMAGE_MISSING: {
    what: 'El disco de esta máquina no está en este equipo.',
    next: 'Se podrá iniciar cuando llegue su imagen. Mientras tanto, elija otra sesión.',
  },
  MACHINE_IMAGE_CORRUPT: {
    what: 'El disco de esta máquina está dañado, así que no se usa.',
    next: 'Se vuelve a obtener. Mientras tanto, elija otra sesión.',
  },
  MACHINE_PROGRAM_MISSING: {
    what: 'A este equipo le falta el programa que ejecuta las máquinas.',
    next: other,
  },
  MACHINE_DIED: { what: 'La máquina terminó nada más iniciarse.', next: again },
  MACHINE_SILENT: { what: 'La máquina no responde.', next: again },
  MACHINE_CRASHED: {
    what: 'La máquina ha fallado.',
    next: 'Iníciela de nuevo. Si ocurre otra vez, avise al soporte de esta sala, con el código de abajo.',
  },
  MACHINE_FIRMWARE_MISSING: {
    what: 'A este equipo le falta el firmware que esta máquina necesita.',
    next: other,
  },
  MACHINE_TPM_FAILED: {
    what: 'El chip de seguridad de esta máquina no se pudo iniciar.',
    next: again,
  },
  MACHINE_IMPORT_UNSUPPORTED: {
    what: 'La descripción de esta máquina pide algo que no se admite.',
    next: other,
  },
  MACHINE_SLOW: {
    what: 'En este equipo las máquinas van despacio, porque la ayuda de su procesador está desactivada.',
    next: 'Funcionan, pero tardan más. Pida al soporte que active la virtualización en el firmware.',
  },
  DISPLAY_UNAVAILABLE: {
    what: 'La imagen de esta sesión no se puede mostrar ahora.',
    next: 'Vuelva a pedirla. La sesión continúa.',
  },
  DISPLAY_TOKEN_REFUSED: {
    what: 'El permiso para mostrar la imagen ya se usó.',
    next: 'Vuelva a pedir la imagen. La sesión continúa.',
  },

  REMOTE_REFUSED: {
    what: 'El equipo remoto rechazó la conexión.',
    next: 'Vuelva a intentarlo en unos minutos. Si ocurre de nuevo, avise al soporte de esta sala.',
  },
  REMOTE_CERTIFICATE: {
    what: 'El equipo remoto no pudo demostrar quién es, así que no se hizo la conexión.',
    next: support,
  },
  REMOTE_CERTIFICATE_CHANGED: {
    what: 'El equipo remoto no es el de antes, así que no se hizo la conexión.',
    next: 'No escriba su contraseña en ningún sitio. Avise al soporte de esta sala, con el código de abajo.',
  },
  REMOTE_CREDENTIALS_WRONG: {
    what: 'El equipo remoto no aceptó su nombre o su contraseña.',
    next: 'Cierre la sesión, iníciela de nuevo y reintente. Quizá cambió su contraseña.',
  },
  REMOTE_NLA_REQUIRED: {
    what: 'El equipo remoto exige un inicio de sesión que esta sesión no ofrece.',
    next: support,
  },
  REMOTE_TICKET_EXPIRED: {
    what: 'El permiso para conectarse ha caducado.',
    next: 'Vuelva a intentarlo: se pide uno nuevo.',
  },
  REMOTE_LOST: {
    what: 'Se perdió la conexión con el equipo remoto.',
    next: 'Conéctese de nuevo: su trabajo suele continuar allí.',
  },
  REMOTE_NEGOTIATION_FAILED: {
    what: 'El equipo remoto y este no se pusieron de acuerdo sobre la conexión.',
    next: support,
  },
  REMOTE_FEATURE_MISSING: {
    what: 'A este equipo le falta algo que la sesión ofrece.',
    next: 'La sesión funciona sin ello.',
  },

  IMAGE_UNKNOWN: {
    what: 'Esta imagen no se conoce en este equipo.',
    next: 'Actualice la lista y elija de nuevo.',
  },
  IMAGE_MANIFEST_INVALID: {
    what: 'La descripción de una imagen tiene errores, así que no se usa.',
    next: campus,
  },
  IMAGE_HASH_MISMATCH: {
    what: 'Una imagen llegó dañada y no se usa.',
    next: 'Se vuelve a obtener. No tiene que hacer nada.',
  },
  IMAGE_IN_USE: {
    what: 'Una sesión usa esta imagen.',
    next: 'Detenga la sesión y vuelva a intentarlo.',
  },
  IMAGE_TRANSPORT_FAILED: {
    what: 'No se pudo recibir una imagen.',
    next: 'Se volverá a intentar automáticamente cuando la red lo permita.',
  },
  IMAGE_NOT_STARTED: {
    what: 'La transmisión de una imagen no ha comenzado.',
    next: 'Se recibirá cuando el campus la envíe.',
  },
  IMAGE_STREAM_WRONG: { what: 'Se envió una imagen distinta de la esperada.', next: campus },
  IMAGE_SOURCE_UNSUPPORTED: {
    what: 'Una imagen se ofrece de una forma que este equipo no conoce.',
    next: campus,
  },

  DISK_FULL: {
    what: 'El disco de este equipo está lleno.',
    next: 'Detenga las sesiones que no necesite y avise al soporte de esta sala.',
  },
  DISK_READ_ONLY: {
    what: 'El disco de este equipo es de solo lectura.',
    next: 'Guarde su trabajo en otro lugar y avise al soporte de esta sala.',
  },
  DATABASE_CORRUPT: {
    what: 'La memoria de este equipo estaba dañada y se creó de nuevo.',
    next: 'Puede continuar. Quizá tenga que iniciar sesión una vez con la red.',
  },
  STORE_LOCKED: {
    what: 'Otro programa está usando los mismos datos.',
    next: 'Espere un momento y vuelva a intentarlo.',
  },

  JOB_UNKNOWN: { what: 'Esta tarea ya no se conoce.', next: 'Actualice la lista.' },
  JOB_STATE: {
    what: 'Esta tarea no puede hacer eso ahora.',
    next: 'Mire su estado y elija de nuevo.',
  },

  SETTINGS_INVALID: { what: 'Un ajuste de este equipo es erróneo.', next: support },
  SETTINGS_UNREADABLE: { what: 'Los ajustes de este equipo no se pueden leer.', next: support },

  PROGRAM_MISSING: { what: 'Falta un programa en este equipo.', next: other },
  PROGRAM_FAILED: { what: 'Un programa de este equipo ha fallado.', next: again },

  HELPER_ABSENT: {
    what: 'El servicio que actúa sobre el sistema no está en marcha.',
    next: support,
  },
  HELPER_REFUSED: { what: 'El servicio que actúa sobre el sistema lo rechazó.', next: support },
  POWER_REFUSED: {
    what: 'No se pudo apagar, reiniciar o suspender el equipo.',
    next: 'Cierre la sesión y déjelo encendido, o pregunte al soporte de esta sala.',
  },

  DISK_IN_USE: {
    what: 'El disco está en uso, así que no se tocó.',
    next: 'Elija otro disco, o detenga lo que lo usa.',
  },
  DISK_CHANGED: {
    what: 'El disco no es el que se eligió, así que no se tocó.',
    next: 'Mire la lista de discos y elija de nuevo.',
  },
  DISK_UNKNOWN: {
    what: 'Ese disco ya no está.',
    next: 'Mire la lista de discos y elija de nuevo.',
  },
  INSTALL_REFUSED: {
    what: 'El disco no se puede usar así, de modo que no se tocó.',
    next: 'Lea los motivos en el plan y elija otra forma.',
  },
  INSTALL_NOT_CONFIRMED: {
    what: 'El nombre del disco no se escribió como se muestra.',
    next: 'Escríbalo exactamente como se muestra.',
  },
  INSTALL_SOURCE_MISSING: {
    what: 'El sistema en marcha no se puede copiar a un disco.',
    next: 'Arranque este equipo desde la red e inténtelo de nuevo.',
  },
  SYSTEM_CORRUPT: {
    what: 'El sistema del disco no es el que se escribió.',
    next: 'Inténtelo de nuevo; si se repite, puede que el disco falle.',
  },
  SYSTEM_NOT_INSTALLED: {
    what: 'No hay ningún sistema instalado en ese disco.',
    next: 'Mire la lista de discos y elija de nuevo.',
  },
  BOOT_LOADER_FAILED: {
    what: 'No se pudo escribir el cargador de arranque.',
    next: 'Elija «Reparar el arranque» o pida ayuda en esta sala.',
  },
};
