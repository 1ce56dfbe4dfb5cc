"""Identification of languages: the model is the library's, in whole numbers, and it tells languages of one script apart."""

from __future__ import annotations

import pytest

from operators.measures.language import CODES

pytest.importorskip("py3langid")

#: Sentences of ours.
TEXTS = {
    "kk": "Су неге жүз градуста қайнайды, ал тауда неге төмен температурада қайнайды?",
    "ru": "Почему вода кипит при ста градусах, а в горах при более низкой температуре?",
    "uk": "Чому вода кипить при ста градусах, а в горах за нижчої температури?",
    "id": "Mengapa air mendidih pada suhu seratus derajat, dan di gunung pada suhu yang lebih rendah?",
    "vi": "Vì sao nước sôi ở một trăm độ, còn trên núi thì sôi ở nhiệt độ thấp hơn?",
    "en": "Why does water boil at a hundred degrees, and at a lower temperature in the mountains?",
    "tr": "Su neden yüz derecede kaynar da dağlarda daha düşük sıcaklıkta kaynar?",
    "fa": "چرا آب در صد درجه می‌جوشد و در کوهستان در دمای پایین‌تر؟",
    "ko": "물은 왜 백 도에서 끓고, 산에서는 더 낮은 온도에서 끓나요?",
}


def test_the_languages_it_is_said_to_know_are_those_of_the_model() -> None:
    from operators.kernels.identify import NO_LANGUAGE, model

    assert {*model().labels} - {NO_LANGUAGE} == {*CODES.split()}


def test_the_model_in_whole_numbers_says_what_the_library_says() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    from operators.kernels.identify import confidences, model

    library = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    for text in [*TEXTS.values(), *(text.upper() for text in TEXTS.values()), "a", "물", "1 + 1 = 2", "x = [i for i in y]"]:
        if (found := confidences(text)) is None:
            assert max(share for _, share in library.rank(text)) < 0.02, "the library knows something of it"
            continue
        assert {code: pytest.approx(share, abs=1e-3) for code, share in library.rank(text)} == dict(
            zip(model().labels, found, strict=True)
        )


@pytest.mark.parametrize("language", TEXTS)
def test_languages_of_one_script_are_told_apart(language: str) -> None:
    from operators.kernels.identify import confidences, model

    found = confidences(TEXTS[language])
    assert model().labels[int(found.argmax())] == language and found.max() > 0.5
