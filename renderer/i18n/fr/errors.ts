import type { ErrorTexts } from '../catalogue.ts';

const support = 'Prévenez l’assistance de cette salle, avec le code ci-dessous.';
const again =
  'Réessayez. Si cela se reproduit, prévenez l’assistance de cette salle, avec le code ci-dessous.';
const offline = 'Vous pouvez continuer : les sessions prêtes démarrent sans le réseau.';
const campus =
  'Vous pouvez continuer avec ce que cet ordinateur a déjà. L’assistance du campus doit s’en occuper.';
const other =
  'Utilisez une autre session ou un autre ordinateur, et prévenez l’assistance de cette salle.';

export const errors: ErrorTexts = {
  BRIDGE_CALLER_REFUSED: {
    what: 'Cette page n’a pas le droit d’utiliser l’ordinateur.',
    next: support,
  },
  BRIDGE_UNKNOWN_METHOD: {
    what: 'L’interface a demandé une chose que cette version ne connaît pas.',
    next: support,
  },
  BRIDGE_BAD_ARGUMENTS: { what: 'L’interface a mal formulé une demande.', next: support },
  BRIDGE_BAD_RESULT: { what: 'L’ordinateur a donné une réponse incohérente.', next: support },
  BRIDGE_MESSAGE_TOO_LARGE: {
    what: 'L’interface a envoyé plus que ce qui est permis.',
    next: support,
  },
  BRIDGE_TOO_MANY_CALLS: {
    what: 'Trop de choses ont été demandées à la fois.',
    next: 'Attendez un instant, puis réessayez.',
  },
  BRIDGE_CLOSED: {
    what: 'L’interface a perdu le contact avec l’ordinateur.',
    next: 'Attendez un instant : il revient tout seul. Vos sessions continuent.',
  },
  NOT_ALLOWED: {
    what: 'Vous n’avez pas le droit de faire cela.',
    next: 'Connectez-vous avec un compte autorisé, ou adressez-vous à l’assistance de cette salle.',
  },
  INTERNAL: { what: 'Un problème est survenu dans cet ordinateur.', next: again },
  CANCELLED: { what: 'C’est annulé.', next: 'Recommencez quand vous voulez.' },
  TIMEOUT: { what: 'Cela a pris trop de temps.', next: again },

  CAMPUS_UNREACHABLE: { what: 'Le serveur du campus est injoignable.', next: offline },
  CAMPUS_TIMEOUT: { what: 'Le serveur du campus ne répond pas.', next: offline },
  CAMPUS_HTTP_ERROR: { what: 'Le serveur du campus a un problème.', next: offline },
  CAMPUS_CERTIFICATE: {
    what: 'Le serveur du campus n’a pas pu prouver son identité : cet ordinateur ne lui fait pas confiance.',
    next: campus,
  },
  CAMPUS_REDIRECT_REFUSED: {
    what: 'Le serveur du campus a renvoyé cet ordinateur vers un endroit interdit.',
    next: campus,
  },
  CAMPUS_RESPONSE_TOO_LARGE: {
    what: 'Le serveur du campus a envoyé plus que ce que cet ordinateur accepte.',
    next: campus,
  },
  CAMPUS_TOO_SLOW: { what: 'Le réseau est trop lent en ce moment.', next: offline },
  CAMPUS_BAD_RESPONSE: {
    what: 'Le serveur du campus a donné une réponse incohérente.',
    next: campus,
  },
  CAMPUS_ENDPOINT_ABSENT: {
    what: 'Le campus ne propose pas ce service.',
    next: 'Vous pouvez continuer sans lui.',
  },

  MANIFEST_SIGNATURE_MISSING: {
    what: 'Le catalogue du campus n’est pas signé : il n’est pas utilisé.',
    next: campus,
  },
  MANIFEST_SIGNATURE_WRONG: {
    what: 'Le catalogue du campus a été modifié en chemin : il n’est pas utilisé.',
    next: campus,
  },
  MANIFEST_KEY_UNKNOWN: {
    what: 'Le catalogue du campus est signé par quelqu’un que cet ordinateur ne connaît pas.',
    next: campus,
  },
  MANIFEST_OLDER: {
    what: 'Le campus a proposé un catalogue plus ancien que celui en usage.',
    next: campus,
  },
  MANIFEST_EXPIRED: { what: 'Le catalogue du campus est périmé.', next: campus },
  MANIFEST_TOO_LARGE: { what: 'Le catalogue du campus est trop volumineux.', next: campus },
  MANIFEST_NOT_JSON: { what: 'Le catalogue du campus est illisible.', next: campus },
  MANIFEST_INVALID: { what: 'Le catalogue du campus contient des erreurs.', next: campus },

  UI_FILE_MISMATCH: {
    what: 'Un fichier de l’interface était abîmé ; il est récupéré de nouveau.',
    next: 'Vous n’avez rien à faire.',
  },
  UI_RENDER_FAILED: {
    what: 'Une nouvelle version de l’interface n’a pas fonctionné ; la précédente est utilisée.',
    next: 'Vous n’avez rien à faire : le campus a été prévenu.',
  },
  UI_CRASHED: {
    what: 'L’interface s’est arrêtée et a été relancée.',
    next: 'Vos sessions ont continué. Vous n’avez rien à faire.',
  },
  UI_NOT_CACHED: {
    what: 'Cette partie de l’interface n’est pas sur cet ordinateur.',
    next: 'Elle fonctionnera dès le retour du réseau.',
  },

  SIGN_IN_WRONG: {
    what: 'Le nom d’utilisateur ou le mot de passe est incorrect.',
    next: 'Vérifiez les deux, ainsi que la touche Verr. maj., puis réessayez.',
  },
  SIGN_IN_LOCKED: {
    what: 'Il y a eu trop d’essais incorrects.',
    next: 'Attendez l’heure indiquée, ou adressez-vous à l’assistance de cette salle.',
  },
  SIGN_IN_NEEDS_NETWORK: {
    what: 'Votre compte ne peut pas être vérifié sans le réseau.',
    next: 'Continuez en invité si c’est proposé, ou réessayez au retour du réseau.',
  },
  SIGN_IN_REQUIRED: { what: 'Plus personne n’est connecté.', next: 'Connectez-vous de nouveau.' },
  GUESTS_NOT_ALLOWED: {
    what: 'Cet ordinateur n’accepte pas les invités.',
    next: 'Connectez-vous avec votre compte.',
  },

  HOME_LOCKED: {
    what: 'Les fichiers que vous avez laissés sur cet ordinateur sont verrouillés par votre ancien mot de passe.',
    next: 'Ils n’avaient pas encore été envoyés au campus, et ils sont conservés. Demandez à l’assistance de la salle de les déverrouiller avec vous.',
  },
  HOME_UNAVAILABLE: {
    what: 'Votre dossier personnel ne peut pas être ouvert sur cet ordinateur.',
    next: 'Vous pouvez travailler ; enregistrez vos fichiers ailleurs et prévenez l’assistance de la salle.',
  },
  HOME_STORAGE_REFUSED: {
    what: 'Le stockage du campus refuse votre accès.',
    next: 'Vos fichiers restent sur cet ordinateur. Déconnectez-vous puis reconnectez-vous ; si cela se reproduit, demandez à l’assistance.',
  },
  HOME_STORAGE_FULL: {
    what: 'Votre stockage sur le campus est plein.',
    next: 'Supprimez ce dont vous n’avez plus besoin. Les nouveaux fichiers restent sur cet ordinateur en attendant de la place.',
  },
  ENTRY_UNKNOWN: {
    what: 'Cette session n’est plus au catalogue.',
    next: 'Choisissez-en une autre.',
  },
  ENTRY_NEEDS_NETWORK: {
    what: 'Cette session a besoin du réseau, et le réseau est coupé.',
    next: 'Choisissez une session prête, ou réessayez au retour du réseau.',
  },
  SESSION_UNKNOWN: {
    what: 'Cette session est déjà terminée.',
    next: 'Redémarrez-la quand vous en aurez besoin.',
  },
  SESSION_LIMIT: {
    what: 'Cet ordinateur ne peut pas faire tourner plus de sessions à la fois.',
    next: 'Arrêtez-en une dont vous n’avez plus besoin, puis réessayez.',
  },
  ENGINE_MISSING: {
    what: 'Il manque à cet ordinateur le programme dont cette session a besoin.',
    next: other,
  },
  NOT_ENOUGH_MEMORY: {
    what: 'Il n’y a pas assez de mémoire libre pour cette session.',
    next: 'Arrêtez les autres sessions, s’il y en a d’ouvertes, puis réessayez ; ou prenez un autre ordinateur.',
  },
  NOT_ENOUGH_DISK: {
    what: 'Il n’y a pas assez de place sur le disque pour cette session.',
    next: 'Arrêtez une autre session, puis réessayez. Si cela se reproduit, prévenez l’assistance de cette salle.',
  },
  SESSION_TIMEOUT: { what: 'La session n’a pas démarré à temps.', next: again },

  MACHINE_DESCRIPTION_INVALID: {
    what: 'La description de cette machine contient des erreurs.',
    next: other,
  },
  MACHINE_IMAGE_MISSING: {
    what: 'Le disque de cette machine n’est pas sur cet ordinateur.',
    next: 'Elle démarrera quand son image sera arrivée. Choisissez une autre session en attendant.',
  },
  MACHINE_IMAGE_CORRUPT: {
    what: 'Le disque de cette machine est abîmé : il n’est pas utilisé.',
    next: 'Il est récupéré de nouveau. Choisissez une autre session en attendant.',
  },
  MACHINE_PROGRAM_MISSING: {
    what: 'Il manque à cet ordinateur le programme qui fait tourner les machines.',
    next: other,
  },
  MACHINE_DIED: { what: 'La machine s’est arrêtée dès son démarrage.', next: again },
  MACHINE_SILENT: { what: 'La machine ne répond pas.', next: again },
  MACHINE_CRASHED: {
    what: 'La machine est tombée en panne.',
    next: 'Redémarrez-la. Si cela se reproduit, prévenez l’assistance de cette salle, avec le code ci-dessous.',
  },
  MACHINE_FIRMWARE_MISSING: {
    what: 'Il manque à cet ordinateur le micrologiciel dont cette machine a besoin.',
    next: other,
  },
  MACHINE_TPM_FAILED: {
    what: 'La puce de sécurité de cette machine n’a pas pu démarrer.',
    next: again,
  },
  MACHINE_IMPORT_UNSUPPORTED: {
    what: 'La description de cette machine demande une chose qui n’est pas prise en charge.',
    next: other,
  },
  MACHINE_SLOW: {
    what: 'Les machines sont lentes sur cet ordinateur, car l’aide de son processeur est désactivée.',
    next: 'Elles fonctionnent, mais plus lentement. Demandez à l’assistance d’activer la virtualisation dans le micrologiciel.',
  },
  DISPLAY_UNAVAILABLE: {
    what: 'L’image de cette session ne peut pas être affichée maintenant.',
    next: 'Demandez-la de nouveau. La session continue.',
  },
  DISPLAY_TOKEN_REFUSED: {
    what: 'L’autorisation d’afficher l’image a déjà servi.',
    next: 'Demandez l’image de nouveau. La session continue.',
  },

  REMOTE_REFUSED: {
    what: 'L’ordinateur distant a refusé la connexion.',
    next: 'Réessayez dans quelques minutes. Si cela se reproduit, prévenez l’assistance de cette salle.',
  },
  REMOTE_CERTIFICATE: {
    what: 'L’ordinateur distant n’a pas pu prouver son identité : la connexion n’a pas été faite.',
    next: support,
  },
  REMOTE_CERTIFICATE_CHANGED: {
    what: 'L’ordinateur distant n’est pas celui d’avant : la connexion n’a pas été faite.',
    next: 'Ne saisissez votre mot de passe nulle part. Prévenez l’assistance de cette salle, avec le code ci-dessous.',
  },
  REMOTE_CREDENTIALS_WRONG: {
    what: 'L’ordinateur distant n’a pas accepté votre nom ou votre mot de passe.',
    next: 'Déconnectez-vous, reconnectez-vous, puis réessayez. Votre mot de passe a peut-être changé.',
  },
  REMOTE_NLA_REQUIRED: {
    what: 'L’ordinateur distant demande une connexion que cette session ne propose pas.',
    next: support,
  },
  REMOTE_TICKET_EXPIRED: {
    what: 'L’autorisation de connexion a expiré.',
    next: 'Réessayez : une nouvelle sera demandée.',
  },
  REMOTE_LOST: {
    what: 'La connexion à l’ordinateur distant a été perdue.',
    next: 'Reconnectez-vous : votre travail y continue en général.',
  },
  REMOTE_NEGOTIATION_FAILED: {
    what: 'L’ordinateur distant et celui-ci n’ont pas pu s’entendre sur la connexion.',
    next: support,
  },
  REMOTE_FEATURE_MISSING: {
    what: 'Il manque à cet ordinateur quelque chose que la session propose.',
    next: 'La session fonctionne sans.',
  },

  IMAGE_UNKNOWN: {
    what: 'Cette image n’est pas connue sur cet ordinateur.',
    next: 'Actualisez la liste et choisissez de nouveau.',
  },
  IMAGE_MANIFEST_INVALID: {
    what: 'La description d’une image contient des erreurs : l’image n’est pas utilisée.',
    next: campus,
  },
  IMAGE_HASH_MISMATCH: {
    what: 'Une image est arrivée abîmée et n’est pas utilisée.',
    next: 'Elle est récupérée de nouveau. Vous n’avez rien à faire.',
  },
  IMAGE_IN_USE: {
    what: 'Une session utilise cette image.',
    next: 'Arrêtez la session, puis réessayez.',
  },
  IMAGE_TRANSPORT_FAILED: {
    what: 'Une image n’a pas pu être reçue.',
    next: 'Un nouvel essai se fera tout seul quand le réseau le permettra.',
  },
  IMAGE_NOT_STARTED: {
    what: 'La diffusion d’une image n’a pas commencé.',
    next: 'L’image sera reçue quand le campus l’enverra.',
  },
  IMAGE_STREAM_WRONG: { what: 'Une autre image que celle attendue a été envoyée.', next: campus },
  IMAGE_SOURCE_UNSUPPORTED: {
    what: 'Une image est proposée d’une façon que cet ordinateur ne connaît pas.',
    next: campus,
  },

  DISK_FULL: {
    what: 'Le disque de cet ordinateur est plein.',
    next: 'Arrêtez les sessions inutiles, et prévenez l’assistance de cette salle.',
  },
  DISK_READ_ONLY: {
    what: 'Le disque de cet ordinateur est en lecture seule.',
    next: 'Enregistrez votre travail ailleurs, et prévenez l’assistance de cette salle.',
  },
  DATABASE_CORRUPT: {
    what: 'La mémoire de cet ordinateur était abîmée et a été recréée.',
    next: 'Vous pouvez continuer. Il faudra peut-être vous connecter une fois avec le réseau.',
  },
  STORE_LOCKED: {
    what: 'Un autre programme utilise les mêmes données.',
    next: 'Attendez un instant, puis réessayez.',
  },

  JOB_UNKNOWN: { what: 'Cette tâche n’est plus connue.', next: 'Actualisez la liste.' },
  JOB_STATE: {
    what: 'Cette tâche ne peut pas faire cela maintenant.',
    next: 'Regardez son état, puis choisissez de nouveau.',
  },

  SETTINGS_INVALID: { what: 'Un réglage de cet ordinateur est erroné.', next: support },
  SETTINGS_UNREADABLE: { what: 'Les réglages de cet ordinateur sont illisibles.', next: support },

  PROGRAM_MISSING: { what: 'Il manque un programme sur cet ordinateur.', next: other },
  PROGRAM_FAILED: { what: 'Un programme de cet ordinateur a échoué.', next: again },

  HELPER_ABSENT: { what: 'Le service qui agit sur le système ne tourne pas.', next: support },
  HELPER_REFUSED: { what: 'Le service qui agit sur le système a refusé.', next: support },
  POWER_REFUSED: {
    what: 'L’ordinateur n’a pas pu être éteint, redémarré ou mis en veille.',
    next: 'Déconnectez-vous et laissez-le allumé, ou adressez-vous à l’assistance de cette salle.',
  },

  DISK_IN_USE: {
    what: 'Le disque est utilisé : rien n’y a été modifié.',
    next: 'Choisissez un autre disque, ou arrêtez ce qui l’utilise.',
  },
  DISK_CHANGED: {
    what: 'Le disque n’est pas celui qui a été choisi : rien n’y a été modifié.',
    next: 'Regardez la liste des disques et choisissez de nouveau.',
  },
  DISK_UNKNOWN: {
    what: 'Ce disque n’est plus là.',
    next: 'Regardez la liste des disques et choisissez de nouveau.',
  },
  INSTALL_REFUSED: {
    what: 'Le disque ne peut pas servir ainsi : rien n’y a été modifié.',
    next: 'Lisez les raisons dans le plan et choisissez autrement.',
  },
  INSTALL_NOT_CONFIRMED: {
    what: 'Le nom du disque n’a pas été saisi comme affiché.',
    next: 'Saisissez-le exactement comme affiché.',
  },
  INSTALL_SOURCE_MISSING: {
    what: 'Le système en marche ne peut pas être copié sur un disque.',
    next: 'Démarrez cet ordinateur par le réseau et réessayez.',
  },
  SYSTEM_CORRUPT: {
    what: 'Le système sur le disque n’est pas celui qui a été écrit.',
    next: 'Réessayez ; si cela se répète, le disque est peut-être en panne.',
  },
  SYSTEM_NOT_INSTALLED: {
    what: 'Aucun système n’est installé sur ce disque.',
    next: 'Regardez la liste des disques et choisissez de nouveau.',
  },
  BOOT_LOADER_FAILED: {
    what: 'Le chargeur de démarrage n’a pas pu être écrit.',
    next: 'Choisissez « Réparer le démarrage » ou demandez à l’assistance de la salle.',
  },
};
