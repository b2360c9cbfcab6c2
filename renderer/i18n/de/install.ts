/** The words of the installation, in German. */
import type { Messages } from '../en/messages.ts';

export const install: Messages['admin']['install'] = {
  lead: 'Bringt das System, das gerade läuft, auf einen Datenträger dieses Computers, damit er ohne Netz startet. Geschrieben wird erst, wenn Sie den Namen des Datenträgers eingegeben haben.',
  noHelper:
    'Auf diesem Computer läuft kein Installationsdienst: Er lässt sich von hier beobachten, aber nicht installieren.',
  noSource:
    'Was hier läuft, ist kein Systemabbild, das sich installieren lässt. Starten Sie diesen Computer aus dem Netz oder von einem Vestibule-Medium.',
  noDisks: 'In diesem Computer wurde kein Datenträger gefunden.',
  disk: 'Welcher Datenträger?',
  refresh: 'Datenträger neu lesen',
  unnamed: 'Datenträger ohne Namen',
  serial: (serial) => `Seriennummer ${serial}`,
  facts: { removable: 'wechselbar', rotational: 'drehend' },
  bootMedium: 'Von diesem Datenträger wurde das laufende System gestartet.',
  mounted: (path, where) => `${path} ist in Gebrauch: eingehängt unter ${where}.`,
  held: (path, by) => `${path} ist in Gebrauch durch ${by}.`,
  readOnly: 'Auf diesen Datenträger kann nicht geschrieben werden.',
  installed: 'Vestibule ist hier installiert.',
  interrupted:
    'Eine Installation auf diesem Datenträger wurde unterbrochen. Beginnen Sie erneut: Sie geht dort weiter, wo sie stehen blieb.',
  empty: 'Leer',
  systems: (names) => `Systeme: ${names}`,
  picture: (disk, parts) => `${disk}: ${parts}`,
  part: (label, size) => `${label}, ${size}`,
  kinds: {
    free: 'Frei',
    kept: 'bleibt',
    erased: 'wird gelöscht',
    'bios-boot': 'Start (BIOS)',
    efi: 'Start (EFI)',
    swap: 'Auslagerung',
    system: 'Vestibule',
    data: 'Vestibule, verschlüsselte Daten',
  },
  partition: (number) => `Partition ${number}`,
  how: 'Wohin auf diesem Datenträger?',
  whole: 'Ganzer Datenträger',
  wholeHint: 'Alles auf dem Datenträger wird gelöscht.',
  free: (size) => `Freier Platz von ${size}`,
  freeHint: 'Alles, was auf dem Datenträger ist, bleibt.',
  replace: (name, size) => `Anstelle von ${name} (${size})`,
  replaceHint:
    'Diese Partition wird gelöscht. Windows und alles andere auf dem Datenträger bleibt.',
  swap: 'Auslagerung auf dem Datenträger',
  swapNone: 'Keine',
  encrypt: 'Verschlüsseln, was Personen und Maschinen hinterlassen',
  encryptHint:
    'Der Sicherheitschip (TPM) dieses Computers öffnet es bei jedem Start. In einem anderen Computer bleibt der Datenträger verschlossen.',
  encryptMissing: 'Dieser Computer hat dafür keinen Sicherheitschip (TPM).',
  showPlan: 'Plan zeigen',
  planning: 'Der Datenträger wird gelesen …',
  planTitle: 'Der Plan',
  back: 'Zurück',
  refused: 'Dieser Plan lässt sich nicht ausführen',
  warnings: 'Bevor Sie bestätigen',
  before: 'Jetzt',
  after: 'Danach',
  words: {
    whole: (disk) => `Alles auf ${disk} wird gelöscht, und der Datenträger wird neu aufgeteilt.`,
    free: (size) => `Vestibule kommt in ${size} freien Platz.`,
    replace: (name) => `${name} wird gelöscht, und Vestibule tritt an diese Stelle.`,
    keeps: (names) => `Unverändert bleiben: ${names}.`,
    writes: (version, size) =>
      `Version ${version} (${size}) wird geschrieben und Byte für Byte zurückgelesen.`,
    swap: (size) => `${size} werden zur Auslagerung.`,
    encrypts:
      'Was Personen und Maschinen hinterlassen, wird verschlüsselt; der Sicherheitschip öffnet es.',
    starts: 'Von da an startet dieser Computer vom Datenträger, mit oder ohne Netz.',
    chooses: 'Ein Menü beim Start bietet die anderen Systeme an.',
  },
  commands: 'Die genauen Befehle (nichts wurde ausgeführt)',
  confirmLabel: (word) => `Zum Bestätigen ${word} eingeben`,
  install: 'Jetzt installieren',
  installErase: 'Löschen und jetzt installieren',
  starting: 'Es beginnt …',
  progressTitle: 'Installation läuft',
  progressLead:
    'Schalten Sie diesen Computer nicht aus. Geschieht es doch, beginnen Sie erneut: Nichts bleibt halb installiert.',
  steps: {
    partitioning: 'Datenträger aufteilen',
    formatting: 'Dateisysteme vorbereiten',
    writing: 'System schreiben',
    verifying: 'Zurücklesen und vergleichen',
    bootloader: 'Startprogramm installieren',
    activating: 'Zum startenden System machen',
  },
  stepDone: 'fertig',
  stepNow: 'läuft',
  stepWaits: 'wartet',
  cancel: 'Installation anhalten',
  doneTitle: 'Installiert',
  done: 'Starten Sie diesen Computer neu: Er startet von seinem eigenen Datenträger. Entfernen Sie das Medium oder den Netzstart, falls die Firmware ihn vorzieht.',
  restart: 'Jetzt neu starten',
  failedTitle: 'Die Installation ist stehen geblieben',
  failed:
    'In diesem Zustand startet der Datenträger kein Vestibule. Andere Partitionen, die bleiben sollten, sind wie zuvor. Beginnen Sie erneut, um fortzufahren oder neu anzufangen.',
  again: 'Erneut beginnen',
  findings: {
    'disk-mounted': (d) => `${d.path} ist in Gebrauch: eingehängt unter ${d.mount}.`,
    'disk-held': (d) => `${d.path} ist in Gebrauch durch ${d.holder}.`,
    'disk-boot-medium': () => 'Von diesem Datenträger wurde das laufende System gestartet.',
    'disk-read-only': () => 'Auf den Datenträger kann nicht geschrieben werden.',
    'disk-too-small': (d) => `Es ist Platz für ${d.bytes}; nötig sind ${d.required}.`,
    'disk-sector-size': (d) =>
      `Der Datenträger hat Sektoren von ${d.bytes}, von denen nicht gestartet werden kann.`,
    'table-unreadable': () =>
      'Die Partitionstabelle ist nicht lesbar: Nur der ganze Datenträger kann benutzt werden.',
    'table-not-gpt': () =>
      'Der Datenträger hat eine alte Partitionstabelle (nicht GPT): Nur der ganze Datenträger kann benutzt werden.',
    'table-full': () => 'Die Partitionstabelle hat keinen Platz für weitere Partitionen.',
    'free-unknown': () => 'Den freien Platz gibt es nicht mehr.',
    'partition-unknown': () => 'Die Partition gibt es nicht mehr.',
    'partition-windows': (d) =>
      `${d.name} ist auf dieser Partition installiert. Wählen Sie eine andere.`,
    'partition-boot': () =>
      'Diese Partition wird gebraucht, um ein System zu starten, das bleiben soll.',
    'tpm-missing': () =>
      'Zum Verschlüsseln braucht es einen Sicherheitschip (TPM), den dieser Computer nicht hat.',
    'source-missing': () => 'Was hier läuft, ist kein Systemabbild, das sich installieren lässt.',
    'erases-systems': (d) => `${d.name} auf ${d.path} wird gelöscht.`,
    'erases-data': (d) =>
      `Die Dateien auf ${d.path} ${d.label} (${d.type}, ${d.bytes}) werden gelöscht.`,
    'disk-removable': () =>
      'Dieser Datenträger lässt sich abziehen. Ohne ihn startet der Computer nicht.',
    'disk-rotational': () => 'Dieser Datenträger dreht sich: Maschinen starten davon langsamer.',
    'disk-without-serial': () =>
      'Der Datenträger nennt keine Seriennummer: Prüfen Sie an Modell und Größe, dass es der richtige ist.',
    'replaces-installation': () =>
      'Das Vestibule auf diesem Datenträger wird ersetzt, mit allem, was Personen und Maschinen dort hinterlassen haben.',
    'nvram-missing': () =>
      'Die Firmware nimmt keinen Starteintrag an: Wählen Sie den Datenträger in ihrem eigenen Menü, falls ein anderes System startet.',
  },
};

export const system: Messages['admin']['system'] = {
  none: 'Auf keinem Datenträger dieses Computers ist ein System installiert.',
  lead: (disk) =>
    `Der Datenträger ${disk} hat Platz für zwei Systeme. Eine Aktualisierung kommt in das, das nicht in Gebrauch ist; erreicht es den Bildschirm nicht, startet wieder das andere.`,
  slot: 'System',
  version: 'Version',
  size: 'Größe',
  written: 'Geschrieben',
  state: 'Zustand',
  actions: 'Aktionen',
  running: 'in Gebrauch',
  good: 'gut',
  trial: (tries) => `beim nächsten Start auf Probe (${tries} Versuche)`,
  failed: 'aufgegeben: Es erreichte den Bildschirm nicht',
  unverified: 'nicht geprüft',
  network: 'Dieser Computer wurde aus dem Netz gestartet.',
  check: 'Prüfen',
  checkOf: (slot) => `System ${slot} prüfen`,
  choose: 'Dieses starten',
  chooseOf: (slot) => `Dieses starten: System ${slot}`,
  chooseTitle: (version) => `Ab jetzt Version ${version} starten?`,
  chooseLead: 'Sie startet, wenn dieser Computer das nächste Mal startet. Nichts wird gelöscht.',
  chosen: 'Sie startet, wenn dieser Computer das nächste Mal startet.',
  jobStarted: 'Die Arbeit hat begonnen: siehe Aufträge.',
  repair: 'Start reparieren',
  repairLead: 'Schreibt das Startprogramm neu. Systeme und Dateien werden nicht berührt.',
  repairTitle: 'Das Startprogramm neu schreiben?',
  bootProblem: (why) => `Das Startprogramm braucht eine Reparatur: ${why}`,
  remove: 'Vestibule entfernen',
  removeLead:
    'Nimmt Vestibule von diesem Datenträger, mit allem, was Personen und Maschinen dort hinterlassen haben. Andere Systeme bleiben.',
  removeTitle: 'Vestibule von diesem Datenträger entfernen?',
};
