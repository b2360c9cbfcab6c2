import type { ErrorTexts } from '../catalogue.ts';

const support = 'أبلغ دعم هذه القاعة، واذكر الرمز أدناه.';
const again = 'أعد المحاولة. وإذا تكرر ذلك فأبلغ دعم هذه القاعة، واذكر الرمز أدناه.';
const offline = 'يمكنك المتابعة: الجلسات الجاهزة تبدأ من دون الشبكة.';
const campus = 'يمكنك المتابعة بما لدى هذا الحاسوب. على دعم الجامعة معالجة الأمر.';
const other = 'استخدم جلسة أخرى أو حاسوبًا آخر، وأبلغ دعم هذه القاعة.';

export const errors: ErrorTexts = {
  BRIDGE_CALLER_REFUSED: { what: 'لا يُسمح لهذه الصفحة باستخدام الحاسوب.', next: support },
  BRIDGE_UNKNOWN_METHOD: { what: 'طلبت الواجهة شيئًا لا يعرفه هذا الإصدار.', next: support },
  BRIDGE_BAD_ARGUMENTS: { what: 'قدّمت الواجهة طلبًا بصورة خاطئة.', next: support },
  BRIDGE_BAD_RESULT: { what: 'أعطى الحاسوب جوابًا غير مفهوم.', next: support },
  BRIDGE_MESSAGE_TOO_LARGE: { what: 'أرسلت الواجهة أكثر مما هو مسموح.', next: support },
  BRIDGE_TOO_MANY_CALLS: {
    what: 'طُلبت أشياء كثيرة دفعة واحدة.',
    next: 'انتظر لحظة ثم أعد المحاولة.',
  },
  BRIDGE_CLOSED: {
    what: 'فقدت الواجهة اتصالها بالحاسوب.',
    next: 'انتظر لحظة: يعود الاتصال تلقائيًا. تستمر جلساتك.',
  },
  NOT_ALLOWED: { what: 'لا يُسمح لك بذلك.', next: 'سجّل الدخول بحساب مخوّل، أو اسأل دعم هذه القاعة.' },
  INTERNAL: { what: 'حدث خطأ داخل هذا الحاسوب.', next: again },
  CANCELLED: { what: 'أُلغي الأمر.', next: 'ابدأه من جديد متى شئت.' },
  TIMEOUT: { what: 'استغرق الأمر وقتًا طويلًا.', next: again },

  CAMPUS_UNREACHABLE: { what: 'تعذّر الوصول إلى خادم الجامعة.', next: offline },
  CAMPUS_TIMEOUT: { what: 'خادم الجامعة لا يجيب.', next: offline },
  CAMPUS_HTTP_ERROR: { what: 'لدى خادم الجامعة مشكلة.', next: offline },
  CAMPUS_CERTIFICATE: {
    what: 'لم يتمكن خادم الجامعة من إثبات هويته، فلا يثق به هذا الحاسوب.',
    next: campus,
  },
  CAMPUS_REDIRECT_REFUSED: {
    what: 'أحال خادم الجامعة هذا الحاسوب إلى مكان غير مسموح.',
    next: campus,
  },
  CAMPUS_RESPONSE_TOO_LARGE: {
    what: 'أرسل خادم الجامعة أكثر مما يقبله هذا الحاسوب.',
    next: campus,
  },
  CAMPUS_TOO_SLOW: { what: 'الشبكة بطيئة جدًا في الوقت الحالي.', next: offline },
  CAMPUS_BAD_RESPONSE: { what: 'أعطى خادم الجامعة جوابًا غير مفهوم.', next: campus },
  CAMPUS_ENDPOINT_ABSENT: { what: 'لا تقدّم الجامعة هذه الخدمة.', next: 'يمكنك المتابعة من دونها.' },

  MANIFEST_SIGNATURE_MISSING: { what: 'قائمة الجامعة غير موقّعة، فلا تُستخدم.', next: campus },
  MANIFEST_SIGNATURE_WRONG: { what: 'تغيّرت قائمة الجامعة في الطريق، فلا تُستخدم.', next: campus },
  MANIFEST_KEY_UNKNOWN: { what: 'قائمة الجامعة موقّعة من جهة لا يعرفها هذا الحاسوب.', next: campus },
  MANIFEST_OLDER: { what: 'عرضت الجامعة قائمة أقدم من المستخدمة.', next: campus },
  MANIFEST_EXPIRED: { what: 'انتهت صلاحية قائمة الجامعة.', next: campus },
  MANIFEST_TOO_LARGE: { what: 'قائمة الجامعة كبيرة جدًا.', next: campus },
  MANIFEST_NOT_JSON: { what: 'تعذّرت قراءة قائمة الجامعة.', next: campus },
  MANIFEST_INVALID: { what: 'في قائمة الجامعة أخطاء.', next: campus },

  UI_FILE_MISMATCH: {
    what: 'كان أحد ملفات الواجهة تالفًا ويُجلب من جديد.',
    next: 'لا يلزمك فعل شيء.',
  },
  UI_RENDER_FAILED: {
    what: 'لم يعمل إصدار جديد من الواجهة، فيُستخدم الإصدار السابق.',
    next: 'لا يلزمك فعل شيء: أُبلغت الجامعة.',
  },
  UI_CRASHED: { what: 'توقفت الواجهة وأُعيد تشغيلها.', next: 'استمرت جلساتك. لا يلزمك فعل شيء.' },
  UI_NOT_CACHED: {
    what: 'هذا الجزء من الواجهة ليس على هذا الحاسوب.',
    next: 'سيعمل حالما تعود الشبكة.',
  },

  SIGN_IN_WRONG: {
    what: 'اسم المستخدم أو كلمة المرور غير صحيح.',
    next: 'تحقق منهما ومن مفتاح Caps Lock ثم أعد المحاولة.',
  },
  SIGN_IN_LOCKED: {
    what: 'كانت هناك محاولات خاطئة كثيرة.',
    next: 'انتظر حتى الوقت المذكور، أو اسأل دعم هذه القاعة.',
  },
  SIGN_IN_NEEDS_NETWORK: {
    what: 'لا يمكن التحقق من حسابك من دون الشبكة.',
    next: 'تابع كضيف إن كان ذلك متاحًا، أو أعد المحاولة عند عودة الشبكة.',
  },
  SIGN_IN_REQUIRED: { what: 'لم يعد أحد مسجّل الدخول.', next: 'سجّل الدخول من جديد.' },
  GUESTS_NOT_ALLOWED: { what: 'هذا الحاسوب لا يقبل الضيوف.', next: 'سجّل الدخول بحسابك.' },

  ENTRY_UNKNOWN: { what: 'لم تعد هذه الجلسة في القائمة.', next: 'اختر جلسة أخرى.' },
  ENTRY_NOT_ALLOWED: { what: 'هذه الجلسة ليست لحسابك.', next: 'اختر جلسة أخرى، أو اسأل مدرّسك.' },
  ENTRY_NEEDS_NETWORK: {
    what: 'تحتاج هذه الجلسة إلى الشبكة، والشبكة مقطوعة.',
    next: 'اختر جلسة جاهزة، أو أعد المحاولة عند عودة الشبكة.',
  },
  SESSION_UNKNOWN: { what: 'انتهت هذه الجلسة.', next: 'ابدأها من جديد عندما تحتاج إليها.' },
  SESSION_LIMIT: {
    what: 'لا يمكن تشغيل المزيد من الجلسات معًا على هذا الحاسوب.',
    next: 'أوقف جلسة لم تعد تحتاج إليها ثم أعد المحاولة.',
  },
  ENGINE_MISSING: { what: 'ينقص هذا الحاسوب البرنامج الذي تحتاج إليه هذه الجلسة.', next: other },
  NOT_ENOUGH_MEMORY: {
    what: 'لا توجد ذاكرة كافية لهذه الجلسة.',
    next: 'أوقف جلسة أخرى ثم أعد المحاولة.',
  },
  NOT_ENOUGH_DISK: {
    what: 'لا توجد مساحة كافية على القرص لهذه الجلسة.',
    next: 'أوقف جلسة أخرى ثم أعد المحاولة. وإذا تكرر ذلك فأبلغ دعم هذه القاعة.',
  },
  SESSION_TIMEOUT: { what: 'لم تبدأ الجلسة في الوقت المحدد.', next: again },

  MACHINE_DESCRIPTION_INVALID: { what: 'في وصف هذه الآلة أخطاء.', next: other },
  MACHINE_IMAGE_MISSING: {
    what: 'قرص هذه الآلة ليس على هذا الحاسوب.',
    next: 'تبدأ عندما تصل صورتها. اختر جلسة أخرى في هذه الأثناء.',
  },
  MACHINE_IMAGE_CORRUPT: {
    what: 'قرص هذه الآلة تالف، فلا يُستخدم.',
    next: 'يُجلب من جديد. اختر جلسة أخرى في هذه الأثناء.',
  },
  MACHINE_PROGRAM_MISSING: { what: 'ينقص هذا الحاسوب البرنامج الذي يشغّل الآلات.', next: other },
  MACHINE_DIED: { what: 'انتهت الآلة فور تشغيلها.', next: again },
  MACHINE_SILENT: { what: 'الآلة لا تستجيب.', next: again },
  MACHINE_CRASHED: {
    what: 'تعطّلت الآلة.',
    next: 'شغّلها من جديد. وإذا تكرر ذلك فأبلغ دعم هذه القاعة، واذكر الرمز أدناه.',
  },
  MACHINE_FIRMWARE_MISSING: {
    what: 'تنقص هذا الحاسوب البرامج الثابتة التي تحتاج إليها هذه الآلة.',
    next: other,
  },
  MACHINE_TPM_FAILED: { what: 'تعذّر تشغيل شريحة الأمان لهذه الآلة.', next: again },
  MACHINE_IMPORT_UNSUPPORTED: { what: 'يطلب وصف هذه الآلة شيئًا غير مدعوم.', next: other },
  MACHINE_SLOW: {
    what: 'تعمل الآلات ببطء على هذا الحاسوب لأن مساعدة معالجه معطّلة.',
    next: 'إنها تعمل ولكن بوقت أطول. اطلب من الدعم تفعيل المحاكاة الافتراضية في البرامج الثابتة.',
  },
  DISPLAY_UNAVAILABLE: {
    what: 'لا يمكن عرض صورة هذه الجلسة الآن.',
    next: 'اطلب الصورة من جديد. ما زالت الجلسة تعمل.',
  },
  DISPLAY_TOKEN_REFUSED: {
    what: 'استُهلك إذن عرض الصورة.',
    next: 'اطلب الصورة من جديد. ما زالت الجلسة تعمل.',
  },

  REMOTE_REFUSED: {
    what: 'رفض الحاسوب البعيد الاتصال.',
    next: 'أعد المحاولة بعد دقائق. وإذا تكرر ذلك فأبلغ دعم هذه القاعة.',
  },
  REMOTE_CERTIFICATE: {
    what: 'لم يتمكن الحاسوب البعيد من إثبات هويته، فلم يتم الاتصال.',
    next: support,
  },
  REMOTE_CERTIFICATE_CHANGED: {
    what: 'الحاسوب البعيد ليس الذي استُخدم من قبل، فلم يتم الاتصال.',
    next: 'لا تكتب كلمة مرورك في أي مكان. أبلغ دعم هذه القاعة، واذكر الرمز أدناه.',
  },
  REMOTE_CREDENTIALS_WRONG: {
    what: 'لم يقبل الحاسوب البعيد اسمك أو كلمة مرورك.',
    next: 'سجّل الخروج ثم الدخول وأعد المحاولة. ربما تغيّرت كلمة مرورك.',
  },
  REMOTE_NLA_REQUIRED: {
    what: 'يطلب الحاسوب البعيد تسجيل دخول لا تقدّمه هذه الجلسة.',
    next: support,
  },
  REMOTE_TICKET_EXPIRED: {
    what: 'انتهت صلاحية إذن الاتصال.',
    next: 'أعد المحاولة: يُطلب إذن جديد.',
  },
  REMOTE_LOST: {
    what: 'انقطع الاتصال بالحاسوب البعيد.',
    next: 'اتصل من جديد: يستمر عملك هناك عادةً.',
  },
  REMOTE_NEGOTIATION_FAILED: {
    what: 'لم يتفق الحاسوب البعيد وهذا الحاسوب على طريقة الاتصال.',
    next: support,
  },
  REMOTE_FEATURE_MISSING: {
    what: 'ينقص هذا الحاسوب شيء تتيحه الجلسة.',
    next: 'تعمل الجلسة من دونه.',
  },

  IMAGE_UNKNOWN: {
    what: 'هذه الصورة غير معروفة على هذا الحاسوب.',
    next: 'حدّث القائمة واختر من جديد.',
  },
  IMAGE_MANIFEST_INVALID: { what: 'في وصف إحدى الصور أخطاء، فلا تُستخدم.', next: campus },
  IMAGE_HASH_MISMATCH: {
    what: 'وصلت صورة تالفة ولا تُستخدم.',
    next: 'تُجلب من جديد. لا يلزمك فعل شيء.',
  },
  IMAGE_IN_USE: { what: 'تستخدم إحدى الجلسات هذه الصورة.', next: 'أوقف الجلسة ثم أعد المحاولة.' },
  IMAGE_TRANSPORT_FAILED: {
    what: 'تعذّر استلام إحدى الصور.',
    next: 'تُعاد المحاولة تلقائيًا عندما تسمح الشبكة.',
  },
  IMAGE_NOT_STARTED: { what: 'لم يبدأ إرسال إحدى الصور.', next: 'تُستلم عندما ترسلها الجامعة.' },
  IMAGE_STREAM_WRONG: { what: 'أُرسلت صورة غير المتوقعة.', next: campus },
  IMAGE_STORE_READ_ONLY: {
    what: 'قرص الصور للقراءة فقط.',
    next: 'ما زالت الجلسات الجاهزة تبدأ. أبلغ دعم هذه القاعة.',
  },
  IMAGE_SOURCE_UNSUPPORTED: { what: 'عُرضت صورة بطريقة لا يعرفها هذا الحاسوب.', next: campus },

  DISK_FULL: {
    what: 'قرص هذا الحاسوب ممتلئ.',
    next: 'أوقف الجلسات التي لا تحتاج إليها، وأبلغ دعم هذه القاعة.',
  },
  DISK_READ_ONLY: {
    what: 'قرص هذا الحاسوب للقراءة فقط.',
    next: 'احفظ عملك في مكان آخر، وأبلغ دعم هذه القاعة.',
  },
  DATABASE_CORRUPT: {
    what: 'كانت ذاكرة هذا الحاسوب تالفة وأُنشئت من جديد.',
    next: 'يمكنك المتابعة. قد يلزمك تسجيل الدخول مرة بوجود الشبكة.',
  },
  STORE_LOCKED: { what: 'يستخدم برنامج آخر البيانات نفسها.', next: 'انتظر لحظة ثم أعد المحاولة.' },

  JOB_UNKNOWN: { what: 'لم تعد هذه المهمة معروفة.', next: 'حدّث القائمة.' },
  JOB_STATE: { what: 'لا تستطيع هذه المهمة ذلك الآن.', next: 'انظر إلى حالتها ثم اختر من جديد.' },

  SETTINGS_INVALID: { what: 'في أحد إعدادات هذا الحاسوب خطأ.', next: support },
  SETTINGS_UNREADABLE: { what: 'تعذّرت قراءة إعدادات هذا الحاسوب.', next: support },

  PROGRAM_MISSING: { what: 'ينقص برنامج على هذا الحاسوب.', next: other },
  PROGRAM_FAILED: { what: 'فشل برنامج على هذا الحاسوب.', next: again },

  HELPER_ABSENT: { what: 'خدمة العمل على النظام لا تعمل.', next: support },
  HELPER_REFUSED: { what: 'رفضت خدمة العمل على النظام ذلك.', next: support },
  POWER_REFUSED: {
    what: 'تعذّر إيقاف الحاسوب أو إعادة تشغيله أو إدخاله في السكون.',
    next: 'سجّل الخروج واتركه يعمل، أو اسأل دعم هذه القاعة.',
  },

  DISK_IN_USE: {
    what: 'القرص قيد الاستخدام، فلم يُمسّ.',
    next: 'اختر قرصًا آخر، أو أوقف ما يستخدمه.',
  },
  DISK_TOO_SMALL: { what: 'القرص صغير جدًا.', next: 'اختر قرصًا أكبر.' },
  DISK_CHANGED: {
    what: 'ليس هذا القرص الذي اختير، فلم يُمسّ.',
    next: 'انظر إلى قائمة الأقراص واختر من جديد.',
  },
  INSTALL_INTERRUPTED: { what: 'انقطع التثبيت.', next: 'ابدأه من جديد: يتابع من حيث أمكن.' },
  DISK_UNKNOWN: {
    what: 'لم يعد هذا القرص موجودًا.',
    next: 'انظر إلى قائمة الأقراص واختر من جديد.',
  },
  INSTALL_REFUSED: {
    what: 'لا يمكن استعمال القرص هكذا، فلم يُمسّ.',
    next: 'اقرأ الأسباب في الخطة واختر طريقة أخرى.',
  },
  INSTALL_NOT_CONFIRMED: {
    what: 'لم يُكتب اسم القرص كما هو معروض.',
    next: 'اكتبه تمامًا كما هو معروض.',
  },
  INSTALL_SOURCE_MISSING: {
    what: 'لا يمكن نسخ النظام العامل إلى قرص.',
    next: 'شغّل هذا الحاسوب من الشبكة وحاول من جديد.',
  },
  SYSTEM_CORRUPT: {
    what: 'النظام على القرص ليس ما كُتب.',
    next: 'حاول من جديد؛ إن تكرر ذلك فقد يكون القرص معطوبًا.',
  },
  SYSTEM_NOT_INSTALLED: {
    what: 'لا يوجد نظام مثبت على هذا القرص.',
    next: 'انظر إلى قائمة الأقراص واختر من جديد.',
  },
  BOOT_LOADER_FAILED: {
    what: 'تعذرت كتابة محمّل الإقلاع.',
    next: 'اختر «إصلاح الإقلاع» أو اسأل دعم هذه القاعة.',
  },
};
