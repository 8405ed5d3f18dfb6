"""Sentences in eleven languages, written for this project, and a few odd ones.

They hold what tokenizers differ in: accents and their combining forms, cases, ligatures, scripts
without spaces, digits, quotation marks, white space.
"""

SENTENCES = {
    "English": (
        "I'd watch it again: 10/10, no matter that it cost 12,500 dollars in 1999.",
        "The naïve café owner's résumé (co-written in 3,000 words) wasn't ``funny''.",
        "WORST. MOVIE. EVER!!! Don't bother... it's a 2-hour, 45-minute bore.",
    ),
    "German": (
        "Die Straße nach Köln war für Übergrößen gesperrt, trotzdem kam der Fuß an.",
        "GROẞE Gefühle und Äpfel für 3,50 € – das „Märchen“ überzeugt nicht ganz.",
        "Donaudampfschifffahrtsgesellschaft heißt das Stück, und es dauert 4½ Stunden.",
    ),
    "French": (
        "L'œuvre était géniale, mais le garçon n'a pas aimé la scène où Zoë s'évanouit.",
        "Ça coûte 1 250,75 € « à peu près » ; c'est très cher pour un navet.",
        "À l'été, les élèves ont déjà tout oublié : quelle surprise !",
    ),
    "Spanish": (
        "¿Por qué el niño pequeño no quería ver la película más aburrida del año?",
        "¡Qué vergüenza! El pingüino cantó mañana en vez de ayer.",
        "Costó 1.000.000 de euros, y aún así Ángel la recomienda.",
    ),
    "Polish": (
        "Zażółć gęślą jaźń – ten film był naprawdę świetny, choć trochę za długi.",
        "Łódź i Kraków różnią się bardziej, niż pokazuje ta komedia.",
        "Ósmy odcinek obejrzałem z żoną; nie śmialiśmy się ani razu.",
    ),
    "Turkish": (
        "İstanbul'da geçen film çok güzeldi, ama IŞIK yönetmeni beğenilmedi.",
        "Çocuklar ığdır ağacının altında öğretmeni dinledi.",
        "Şimdi üç yıl sonra aynı oyuncuları görmek hoşuma gitti.",
    ),
    "Russian": (
        "Фильм оказался скучным, но актёры играли прекрасно, особенно Ёлкин.",
        "Мой дедушка смотрел его в 1975 году и до сих пор помнит каждую сцену.",
        "Не советую: два часа потеряны!",
    ),
    "Greek": (
        "Ο ΣΙΣΥΦΟΣ έσπρωχνε τον βράχο· η ταινία ήταν όμως πολύ αργή.",
        "Τα παιδιά γέλασαν, οι γονείς όχι.",
        "Πόσο κοστίζει το εισιτήριο; Δέκα ευρώ, λέει ο Γιώργος.",
    ),
    "Arabic": (
        "كان الفيلم جميلاً جدًّا، لكنّ النهاية لم تعجبني.",
        "شاهدتُ الحلقة ٣ مرّات مع أصدقائي في القاهرة.",
        "هل تستحق هذه القصة كل هذا الوقت؟",
    ),
    "Hindi": (
        "यह फ़िल्म बहुत अच्छी थी, लेकिन गाने ज़्यादा लंबे थे।",
        "मैंने इसे अपने परिवार के साथ १० बार देखा है।",
        "क्या आप इस कहानी पर विश्वास करेंगे?",
    ),
    "Chinese": (
        "这部电影非常精彩，演员的表演令人难忘。",
        "我在2019年看过三次，每次都哭了！",
        "導演說：「下一部會更好。」",
    ),
    "Japanese": (
        "この映画はとても面白かったですが、少し長すぎました。",
        "ガッカリした。ﾊﾝｶｸの字幕が読めない！",
        "東京で２０２１年に撮影されたそうです。",
    ),
    "Korean": (
        "이 영화는 정말 재미있었지만 결말이 아쉬웠어요.",
        "배우들의 연기가 훌륭했고 음악도 좋았다.",
        "두 번 봐도 지루하지 않습니다!",
    ),
    "Vietnamese": (
        "Bộ phim này rất hay, nhưng diễn viên chính hơi đơn điệu.",
        "Tôi đã xem ba lần ở Hà Nội với gia đình.",
        "Đừng mất thời gian: kịch bản quá dở!",
    ),
    "odd": (
        "",
        "   \t\n ",
        "a\u00a0b\u2003c\u200bd\u00ade\ufefff\u0000g\u0007h\ufffdi",
        "e\u0301tude cafe\u0301 Å \u212b \u212a ﬁne ①②③ ２０ ½ x² ㎏ ™",
        "line one\r\nline two\u2028line three\u0085line four\u001cline five",
        "[CLS] a [SEP] b[MASK]c <pad> <unk> <s> </s> <mask> [sep]",
        "🎬🍿 10/10 👍🏽 👨‍👩‍👧 \U0001fae8",
        "x" * 99 + " " + "y" * 100 + " " + "z" * 101,
        "ΌΔΟΣ ΟΔΟΣ. Σ σΣ ǅ ŉ ß İ",
        "1,000 2,5, (3,) 4,,5 9,9 ²,",
        "don't they've we'll I'M  two  spaces   three",
        "http://example.com/a_b?c=d&e=%20#f $5.00 ^ ` | ~ + < = >",
    ),
}
