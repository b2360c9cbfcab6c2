import type { ErrorTexts } from '../catalogue.ts';

const support = 'Melden Sie es der Betreuung dieses Raums, mit dem Code unten.';
const again =
  'Versuchen Sie es noch einmal. Geschieht es wieder, melden Sie es der Betreuung dieses Raums, mit dem Code unten.';
const offline = 'Sie können weitermachen: Bereite Sitzungen starten ohne das Netz.';
const campus =
  'Sie können mit dem weitermachen, was dieser Computer hat. Die Betreuung des Campus muss sich darum kümmern.';
const other =
  'Nutzen Sie eine andere Sitzung oder einen anderen Computer, und melden Sie es der Betreuung dieses Raums.';

export const errors: ErrorTexts = {
  BRIDGE_CALLER_REFUSED: { what: 'Diese Seite darf den Computer nicht benutzen.', next: support },
  BRIDGE_UNKNOWN_METHOD: {
    what: 'Die Oberfläche hat etwas verlangt, das diese Version nicht kennt.',
    next: support,
  },
  BRIDGE_BAD_ARGUMENTS: {
    what: 'Die Oberfläche hat etwas auf falsche Weise verlangt.',
    next: support,
  },
  BRIDGE_BAD_RESULT: { what: 'Der Computer hat eine sinnlose Antwort gegeben.', next: support },
  BRIDGE_MESSAGE_TOO_LARGE: {
    what: 'Die Oberfläche hat mehr gesendet, als sie darf.',
    next: support,
  },
  BRIDGE_TOO_MANY_CALLS: {
    what: 'Es wurde zu viel auf einmal verlangt.',
    next: 'Warten Sie einen Moment und versuchen Sie es noch einmal.',
  },
  BRIDGE_CLOSED: {
    what: 'Die Oberfläche hat die Verbindung zum Computer verloren.',
    next: 'Warten Sie einen Moment: Sie kommt von selbst wieder. Ihre Sitzungen laufen weiter.',
  },
  NOT_ALLOWED: {
    what: 'Das dürfen Sie nicht.',
    next: 'Melden Sie sich mit einem berechtigten Konto an, oder fragen Sie die Betreuung dieses Raums.',
  },
  INTERNAL: { what: 'In diesem Computer ist etwas schiefgegangen.', next: again },
  CANCELLED: { what: 'Es wurde abgebrochen.', next: 'Starten Sie es wieder, wann Sie möchten.' },
  TIMEOUT: { what: 'Es hat zu lange gedauert.', next: again },

  CAMPUS_UNREACHABLE: { what: 'Der Server des Campus ist nicht erreichbar.', next: offline },
  CAMPUS_TIMEOUT: { what: 'Der Server des Campus antwortet nicht.', next: offline },
  CAMPUS_HTTP_ERROR: { what: 'Der Server des Campus hat ein Problem.', next: offline },
  CAMPUS_CERTIFICATE: {
    what: 'Der Server des Campus konnte sich nicht ausweisen, deshalb vertraut ihm dieser Computer nicht.',
    next: campus,
  },
  CAMPUS_REDIRECT_REFUSED: {
    what: 'Der Server des Campus hat diesen Computer an eine unerlaubte Stelle geschickt.',
    next: campus,
  },
  CAMPUS_RESPONSE_TOO_LARGE: {
    what: 'Der Server des Campus hat mehr gesendet, als dieser Computer annimmt.',
    next: campus,
  },
  CAMPUS_TOO_SLOW: { what: 'Das Netz ist im Moment zu langsam.', next: offline },
  CAMPUS_BAD_RESPONSE: {
    what: 'Der Server des Campus hat eine sinnlose Antwort gegeben.',
    next: campus,
  },
  CAMPUS_ENDPOINT_ABSENT: {
    what: 'Der Campus bietet diesen Dienst nicht an.',
    next: 'Sie können ohne ihn weitermachen.',
  },

  MANIFEST_SIGNATURE_MISSING: {
    what: 'Der Katalog des Campus ist nicht signiert und wird nicht verwendet.',
    next: campus,
  },
  MANIFEST_SIGNATURE_WRONG: {
    what: 'Der Katalog des Campus wurde unterwegs verändert und wird nicht verwendet.',
    next: campus,
  },
  MANIFEST_KEY_UNKNOWN: {
    what: 'Der Katalog des Campus ist von jemandem signiert, den dieser Computer nicht kennt.',
    next: campus,
  },
  MANIFEST_OLDER: {
    what: 'Der Campus hat einen älteren Katalog angeboten als den verwendeten.',
    next: campus,
  },
  MANIFEST_EXPIRED: { what: 'Der Katalog des Campus ist abgelaufen.', next: campus },
  MANIFEST_TOO_LARGE: { what: 'Der Katalog des Campus ist zu groß.', next: campus },
  MANIFEST_NOT_JSON: { what: 'Der Katalog des Campus ist nicht lesbar.', next: campus },
  MANIFEST_INVALID: { what: 'Der Katalog des Campus enthält Fehler.', next: campus },

  UI_FILE_MISMATCH: {
    what: 'Eine Datei der Oberfläche war beschädigt und wird neu geholt.',
    next: 'Sie müssen nichts tun.',
  },
  UI_RENDER_FAILED: {
    what: 'Eine neue Version der Oberfläche hat nicht funktioniert, deshalb läuft die vorige.',
    next: 'Sie müssen nichts tun: Der Campus weiß es schon.',
  },
  UI_CRASHED: {
    what: 'Die Oberfläche ist stehen geblieben und wurde neu gestartet.',
    next: 'Ihre Sitzungen liefen weiter. Sie müssen nichts tun.',
  },
  UI_NOT_CACHED: {
    what: 'Dieser Teil der Oberfläche ist nicht auf diesem Computer.',
    next: 'Er geht wieder, sobald das Netz zurück ist.',
  },

  SIGN_IN_WRONG: {
    what: 'Der Benutzername oder das Passwort stimmt nicht.',
    next: 'Prüfen Sie beides und die Feststelltaste, und versuchen Sie es noch einmal.',
  },
  SIGN_IN_LOCKED: {
    what: 'Es gab zu viele falsche Versuche.',
    next: 'Warten Sie bis zur genannten Zeit, oder fragen Sie die Betreuung dieses Raums.',
  },
  SIGN_IN_NEEDS_NETWORK: {
    what: 'Ihr Konto kann ohne das Netz nicht geprüft werden.',
    next: 'Machen Sie als Gast weiter, wenn es angeboten wird, oder versuchen Sie es, wenn das Netz zurück ist.',
  },
  SIGN_IN_REQUIRED: { what: 'Es ist niemand mehr angemeldet.', next: 'Melden Sie sich wieder an.' },
  GUESTS_NOT_ALLOWED: {
    what: 'Dieser Computer nimmt keine Gäste an.',
    next: 'Melden Sie sich mit Ihrem Konto an.',
  },

  HOME_LOCKED: {
    what: 'Die Dateien, die Sie auf diesem Computer gelassen haben, sind mit Ihrem früheren Kennwort verschlossen.',
    next: 'Sie waren noch nicht an den Campus gesendet und bleiben erhalten. Bitten Sie die Betreuung dieses Raums, sie mit Ihnen zu öffnen.',
  },
  HOME_UNAVAILABLE: {
    what: 'Ihr persönlicher Ordner lässt sich auf diesem Computer nicht öffnen.',
    next: 'Sie können arbeiten; speichern Sie Ihre Dateien anderswo und sagen Sie der Betreuung dieses Raums Bescheid.',
  },
  HOME_STORAGE_REFUSED: {
    what: 'Der Speicher des Campus lässt Sie nicht hinein.',
    next: 'Ihre Dateien bleiben auf diesem Computer. Melden Sie sich ab und wieder an; geschieht es erneut, fragen Sie die Betreuung.',
  },
  HOME_STORAGE_FULL: {
    what: 'Ihr Speicher auf dem Campus ist voll.',
    next: 'Löschen Sie, was Sie nicht mehr brauchen. Neue Dateien bleiben auf diesem Computer, bis Platz ist.',
  },
  ENTRY_UNKNOWN: {
    what: 'Diese Sitzung steht nicht mehr im Katalog.',
    next: 'Wählen Sie eine andere.',
  },
  ENTRY_NEEDS_NETWORK: {
    what: 'Diese Sitzung braucht das Netz, und das Netz fehlt.',
    next: 'Wählen Sie eine bereite Sitzung, oder versuchen Sie es, wenn das Netz zurück ist.',
  },
  SESSION_UNKNOWN: {
    what: 'Diese Sitzung ist schon zu Ende.',
    next: 'Starten Sie sie wieder, wenn Sie sie brauchen.',
  },
  SESSION_LIMIT: {
    what: 'Auf diesem Computer können nicht mehr Sitzungen zugleich laufen.',
    next: 'Beenden Sie eine, die Sie nicht mehr brauchen, und versuchen Sie es noch einmal.',
  },
  ENGINE_MISSING: {
    what: 'Diesem Computer fehlt das Programm, das diese Sitzung braucht.',
    next: other,
  },
  NOT_ENOUGH_MEMORY: {
    what: 'Für diese Sitzung ist nicht genug Arbeitsspeicher frei.',
    next: 'Beenden Sie andere Sitzungen, falls welche offen sind, und versuchen Sie es noch einmal; oder nehmen Sie einen anderen Computer.',
  },
  NOT_ENOUGH_DISK: {
    what: 'Für diese Sitzung ist nicht genug Platz auf dem Datenträger.',
    next: 'Beenden Sie eine andere Sitzung und versuchen Sie es noch einmal. Geschieht es wieder, melden Sie es der Betreuung dieses Raums.',
  },
  SESSION_TIMEOUT: { what: 'Die Sitzung ist nicht rechtzeitig gestartet.', next: again },

  MACHINE_DESCRIPTION_INVALID: {
    what: 'Die Beschreibung dieser Maschine enthält Fehler.',
    next: other,
  },
  MACHINE_IMAGE_MISSING: {
    what: 'Die Platte dieser Maschine ist nicht auf diesem Computer.',
    next: 'Sie startet, sobald ihr Abbild da ist. Wählen Sie solange eine andere Sitzung.',
  },
  MACHINE_IMAGE_CORRUPT: {
    what: 'Die Platte dieser Maschine ist beschädigt und wird nicht verwendet.',
    next: 'Sie wird neu geholt. Wählen Sie solange eine andere Sitzung.',
  },
  MACHINE_PROGRAM_MISSING: {
    what: 'Diesem Computer fehlt das Programm, das Maschinen ausführt.',
    next: other,
  },
  MACHINE_DIED: { what: 'Die Maschine hat gleich nach dem Start geendet.', next: again },
  MACHINE_SILENT: { what: 'Die Maschine antwortet nicht.', next: again },
  MACHINE_CRASHED: {
    what: 'Die Maschine ist abgestürzt.',
    next: 'Starten Sie sie wieder. Geschieht es noch einmal, melden Sie es der Betreuung dieses Raums, mit dem Code unten.',
  },
  MACHINE_FIRMWARE_MISSING: {
    what: 'Diesem Computer fehlt die Firmware, die diese Maschine braucht.',
    next: other,
  },
  MACHINE_TPM_FAILED: {
    what: 'Der Sicherheitschip dieser Maschine konnte nicht gestartet werden.',
    next: again,
  },
  MACHINE_IMPORT_UNSUPPORTED: {
    what: 'Die Beschreibung dieser Maschine verlangt etwas, das nicht unterstützt wird.',
    next: other,
  },
  MACHINE_SLOW: {
    what: 'Maschinen laufen auf diesem Computer langsam, weil die Hilfe seines Prozessors ausgeschaltet ist.',
    next: 'Sie gehen, brauchen aber länger. Bitten Sie die Betreuung, die Virtualisierung in der Firmware einzuschalten.',
  },
  DISPLAY_UNAVAILABLE: {
    what: 'Das Bild dieser Sitzung kann gerade nicht gezeigt werden.',
    next: 'Fordern Sie das Bild noch einmal an. Die Sitzung läuft weiter.',
  },
  DISPLAY_TOKEN_REFUSED: {
    what: 'Die Erlaubnis, das Bild zu zeigen, ist schon verbraucht.',
    next: 'Fordern Sie das Bild noch einmal an. Die Sitzung läuft weiter.',
  },

  REMOTE_REFUSED: {
    what: 'Der entfernte Computer hat die Verbindung abgelehnt.',
    next: 'Versuchen Sie es in einigen Minuten. Geschieht es wieder, melden Sie es der Betreuung dieses Raums.',
  },
  REMOTE_CERTIFICATE: {
    what: 'Der entfernte Computer konnte sich nicht ausweisen, deshalb gibt es keine Verbindung.',
    next: support,
  },
  REMOTE_CERTIFICATE_CHANGED: {
    what: 'Der entfernte Computer ist nicht der von früher, deshalb gibt es keine Verbindung.',
    next: 'Geben Sie Ihr Passwort nirgends ein. Melden Sie es der Betreuung dieses Raums, mit dem Code unten.',
  },
  REMOTE_CREDENTIALS_WRONG: {
    what: 'Der entfernte Computer hat Namen oder Passwort nicht angenommen.',
    next: 'Melden Sie sich ab und wieder an, und versuchen Sie es noch einmal. Vielleicht hat sich Ihr Passwort geändert.',
  },
  REMOTE_NLA_REQUIRED: {
    what: 'Der entfernte Computer verlangt eine Anmeldung, die diese Sitzung nicht bietet.',
    next: support,
  },
  REMOTE_TICKET_EXPIRED: {
    what: 'Die Erlaubnis zur Verbindung ist abgelaufen.',
    next: 'Versuchen Sie es noch einmal: Eine neue wird angefordert.',
  },
  REMOTE_LOST: {
    what: 'Die Verbindung zum entfernten Computer ist abgerissen.',
    next: 'Verbinden Sie sich neu: Ihre Arbeit läuft dort meist weiter.',
  },
  REMOTE_NEGOTIATION_FAILED: {
    what: 'Der entfernte Computer und dieser konnten sich nicht auf eine Verbindung einigen.',
    next: support,
  },
  REMOTE_FEATURE_MISSING: {
    what: 'Diesem Computer fehlt etwas, das die Sitzung anbietet.',
    next: 'Die Sitzung läuft auch ohne.',
  },

  IMAGE_UNKNOWN: {
    what: 'Dieses Abbild ist auf diesem Computer nicht bekannt.',
    next: 'Aktualisieren Sie die Liste und wählen Sie neu.',
  },
  IMAGE_MANIFEST_INVALID: {
    what: 'Die Beschreibung eines Abbilds enthält Fehler, deshalb wird es nicht verwendet.',
    next: campus,
  },
  IMAGE_HASH_MISMATCH: {
    what: 'Ein Abbild ist beschädigt angekommen und wird nicht verwendet.',
    next: 'Es wird neu geholt. Sie müssen nichts tun.',
  },
  IMAGE_IN_USE: {
    what: 'Eine Sitzung benutzt dieses Abbild.',
    next: 'Beenden Sie die Sitzung und versuchen Sie es noch einmal.',
  },
  IMAGE_TRANSPORT_FAILED: {
    what: 'Ein Abbild konnte nicht empfangen werden.',
    next: 'Es wird von selbst wieder versucht, wenn das Netz es erlaubt.',
  },
  IMAGE_NOT_STARTED: {
    what: 'Die Übertragung eines Abbilds hat nicht begonnen.',
    next: 'Es wird empfangen, wenn der Campus es sendet.',
  },
  IMAGE_STREAM_WRONG: { what: 'Es wurde ein anderes Abbild gesendet als erwartet.', next: campus },
  IMAGE_SOURCE_UNSUPPORTED: {
    what: 'Ein Abbild wird auf eine Weise angeboten, die dieser Computer nicht kennt.',
    next: campus,
  },

  DISK_FULL: {
    what: 'Der Datenträger dieses Computers ist voll.',
    next: 'Beenden Sie unnötige Sitzungen, und melden Sie es der Betreuung dieses Raums.',
  },
  DISK_READ_ONLY: {
    what: 'Der Datenträger dieses Computers kann nur gelesen werden.',
    next: 'Speichern Sie Ihre Arbeit anderswo, und melden Sie es der Betreuung dieses Raums.',
  },
  DATABASE_CORRUPT: {
    what: 'Das Gedächtnis dieses Computers war beschädigt und wurde neu angelegt.',
    next: 'Sie können weitermachen. Vielleicht müssen Sie sich einmal mit Netz anmelden.',
  },
  STORE_LOCKED: {
    what: 'Ein anderes Programm benutzt dieselben Daten.',
    next: 'Warten Sie einen Moment und versuchen Sie es noch einmal.',
  },

  JOB_UNKNOWN: {
    what: 'Diese Aufgabe ist nicht mehr bekannt.',
    next: 'Aktualisieren Sie die Liste.',
  },
  JOB_STATE: {
    what: 'Diese Aufgabe kann das jetzt nicht.',
    next: 'Sehen Sie nach ihrem Zustand und wählen Sie neu.',
  },

  SETTINGS_INVALID: { what: 'Eine Einstellung dieses Computers ist fehlerhaft.', next: support },
  SETTINGS_UNREADABLE: {
    what: 'Die Einstellungen dieses Computers sind nicht lesbar.',
    next: support,
  },

  PROGRAM_MISSING: { what: 'Auf diesem Computer fehlt ein Programm.', next: other },
  PROGRAM_FAILED: { what: 'Ein Programm auf diesem Computer ist gescheitert.', next: again },

  HELPER_ABSENT: { what: 'Der Dienst für Arbeiten am System läuft nicht.', next: support },
  HELPER_REFUSED: { what: 'Der Dienst für Arbeiten am System hat das abgelehnt.', next: support },
  POWER_REFUSED: {
    what: 'Der Computer konnte nicht ausgeschaltet, neu gestartet oder schlafen gelegt werden.',
    next: 'Melden Sie sich ab und lassen Sie ihn an, oder fragen Sie die Betreuung dieses Raums.',
  },

  DISK_IN_USE: {
    what: 'Der Datenträger ist in Benutzung und blieb unberührt.',
    next: 'Wählen Sie einen anderen, oder beenden Sie, was ihn benutzt.',
  },
  DISK_CHANGED: {
    what: 'Der Datenträger ist nicht der gewählte und blieb unberührt.',
    next: 'Sehen Sie in der Liste der Datenträger nach und wählen Sie neu.',
  },
  DISK_UNKNOWN: {
    what: 'Diesen Datenträger gibt es nicht mehr.',
    next: 'Sehen Sie in der Liste der Datenträger nach und wählen Sie neu.',
  },
  INSTALL_REFUSED: {
    what: 'Der Datenträger kann so nicht verwendet werden und blieb unberührt.',
    next: 'Lesen Sie die Gründe im Plan und wählen Sie einen anderen Weg.',
  },
  INSTALL_NOT_CONFIRMED: {
    what: 'Der Name des Datenträgers wurde nicht wie angezeigt eingegeben.',
    next: 'Geben Sie ihn genau wie angezeigt ein.',
  },
  INSTALL_SOURCE_MISSING: {
    what: 'Das laufende System kann nicht auf einen Datenträger kopiert werden.',
    next: 'Starten Sie diesen Rechner vom Netz und versuchen Sie es erneut.',
  },
  SYSTEM_CORRUPT: {
    what: 'Das System auf dem Datenträger ist nicht das geschriebene.',
    next: 'Versuchen Sie es erneut; geschieht es wieder, ist der Datenträger vielleicht defekt.',
  },
  SYSTEM_NOT_INSTALLED: {
    what: 'Auf diesem Datenträger ist kein System installiert.',
    next: 'Sehen Sie in der Liste der Datenträger nach und wählen Sie neu.',
  },
  BOOT_LOADER_FAILED: {
    what: 'Der Bootloader konnte nicht geschrieben werden.',
    next: 'Wählen Sie „Start reparieren“ oder fragen Sie die Betreuung dieses Raums.',
  },
};
