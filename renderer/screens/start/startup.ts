/**
 * What can be said before main has named the person's language: in the browser's, and in all of
 * them always at hand, because nothing can be fetched when starting fails.
 */
import type { Locale } from '../../../preload/contract/model.ts';

interface StartupMessages {
  readonly starting: string;
  readonly waiting: string;
  readonly waitingNext: string;
  readonly outside: string;
  readonly outsideNext: string;
  readonly broken: string;
  readonly brokenNext: string;
  readonly reload: string;
}

export const STARTUP: Readonly<Record<Locale, StartupMessages>> = {
  en: {
    starting: 'Starting…',
    waiting: 'The computer does not answer yet',
    waitingNext: 'It is asked again by itself. If this stays, restart the computer.',
    outside: 'This page belongs to a kiosk',
    outsideNext: 'It works on a computer that runs Vestibule.',
    broken: 'The screen could not be shown',
    brokenNext: 'Load it again. Your sessions go on meanwhile.',
    reload: 'Load again',
  },
  fr: {
    starting: 'Démarrage…',
    waiting: 'L’ordinateur ne répond pas encore',
    waitingNext: 'Un nouvel essai se fait tout seul. Si cela dure, redémarrez l’ordinateur.',
    outside: 'Cette page appartient à une borne',
    outsideNext: 'Elle fonctionne sur un ordinateur équipé de Vestibule.',
    broken: 'L’écran n’a pas pu s’afficher',
    brokenNext: 'Rechargez-le. Vos sessions continuent pendant ce temps.',
    reload: 'Recharger',
  },
  es: {
    starting: 'Iniciando…',
    waiting: 'El equipo aún no responde',
    waitingNext: 'Se vuelve a intentar automáticamente. Si continúa así, reinicie el equipo.',
    outside: 'Esta página pertenece a un quiosco',
    outsideNext: 'Funciona en un equipo con Vestibule.',
    broken: 'No se pudo mostrar la pantalla',
    brokenNext: 'Vuelva a cargarla. Sus sesiones continúan mientras tanto.',
    reload: 'Volver a cargar',
  },
  de: {
    starting: 'Wird gestartet…',
    waiting: 'Der Computer antwortet noch nicht',
    waitingNext: 'Es wird von selbst weiter versucht. Bleibt es so, starten Sie den Computer neu.',
    outside: 'Diese Seite gehört zu einem Kiosk',
    outsideNext: 'Sie funktioniert auf einem Computer mit Vestibule.',
    broken: 'Die Anzeige ist fehlgeschlagen',
    brokenNext: 'Laden Sie sie neu. Ihre Sitzungen laufen währenddessen weiter.',
    reload: 'Neu laden',
  },
  ar: {
    starting: 'جارٍ البدء…',
    waiting: 'الحاسوب لا يستجيب بعد',
    waitingNext: 'تُعاد المحاولة تلقائيًا. إذا استمر ذلك فأعد تشغيل الحاسوب.',
    outside: 'هذه الصفحة مخصصة لحاسوب القاعة',
    outsideNext: 'تعمل على حاسوب يشغّل Vestibule.',
    broken: 'تعذّر عرض الشاشة',
    brokenNext: 'أعد تحميلها. تستمر جلساتك في هذه الأثناء.',
    reload: 'إعادة التحميل',
  },
};

/** The language of the document or the browser, as far as there are words in it. */
export function startupMessages(): StartupMessages {
  const language = (document.documentElement.lang || navigator.language).slice(0, 2);
  return isLocale(language) ? STARTUP[language] : STARTUP.en;
}

function isLocale(language: string): language is Locale {
  return Object.hasOwn(STARTUP, language);
}
