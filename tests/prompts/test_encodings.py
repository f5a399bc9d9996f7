"""Files in an old encoding: the likeliest is offered first, a person sees the letters and chooses, and nothing is kept before."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from studio.accounts.models import User
from studio.jobs.batch_models import Batch
from studio.projects.models import Project
from studio.prompts import encodings
from studio.prompts.models import Prompt, UndecidedFile
from studio.routing.models import Connection
from tests.conftest import signed_in

TEXTS = {
    "cp1251": "Лодка у причала на закате, медленный наезд камеры",
    "koi8-r": "Море на закате, чайки над водой",
    "cp866": "Море на закате, чайки над водой",
    "gb18030": "一只橘猫在雨中奔跑，电影感，慢动作",
    "cp950": "一隻橘貓在雨中奔跑，電影感，慢動作",
    "cp932": "雨の中を走るオレンジ色の猫、映画のような光",
    "euc_jp": "雨の中を走るオレンジ色の猫、映画のような光",
    "cp949": "비 속을 달리는 주황색 고양이, 영화 같은 느낌",
    "cp1252": "Un café à Paris, lumière dorée, Straße in München",
    "cp1250": "Łódź na jeziorze o zachodzie słońca, żółty żagiel",
    "cp1253": "Μια γάτα τρέχει στη βροχή, κινηματογραφικό ύφος",
    "cp1254": "Yağmurda koşan turuncu kedi, ışık ve gölge",
    "cp1256": "قط برتقالي يركض تحت المطر في المدينة",
    "cp1257": "Kaķis skrien lietū, saulrieta gaismā, šķērsojot ielu",
    "cp874": "แมวส้มวิ่งกลางสายฝน ภาพยนตร์",
}


def sent(browser: Client, data: bytes, **more: str) -> Any:
    file = SimpleUploadedFile("shots.csv", data, "text/csv")
    return browser.post(reverse("prompts_import"), {"file": file, **more})


@pytest.mark.parametrize("codec", TEXTS)
def test_the_likeliest_encoding_is_offered_first_and_each_with_its_letters(codec: str):
    found = encodings.readings(f"text,name\n{TEXTS[codec]},One\n".encode(codec))

    assert found[0].codec == codec
    assert TEXTS[codec] in found[0].sample[0]


@pytest.mark.parametrize("codec", TEXTS)
def test_a_file_is_kept_only_in_the_encoding_that_its_person_chose(codec: str, alice: User):
    browser = signed_in(alice)
    page = sent(browser, f"text,name\n{TEXTS[codec].replace(',', ' ')},One\n".encode(codec))
    assert next(template.name for template in page.templates) == "prompts/encoding.html"
    assert "waiting" not in page.context

    page = browser.post(reverse("prompts_import"), {"upload": page.context["upload"].key, "encoding": codec})
    assert page.context["notice"] == f"It is read as {encodings.NAMES[codec]}, as you chose."
    browser.post(reverse("prompts_import_confirm", args=[page.context["waiting"].pk]))

    assert Prompt.objects.get().versions.get().text == TEXTS[codec].replace(",", " ")
    assert not UndecidedFile.objects.exists()


def test_another_encoding_is_chosen_without_sending_the_file_again(alice: User):
    browser = signed_in(alice)
    page = sent(browser, "text\nМоре на закате\n".encode("cp1251"))
    key = page.context["upload"].key

    wrong = browser.post(reverse("prompts_import"), {"upload": key, "encoding": "cp1252"})
    assert wrong.context["good"][0]["versions"][0]["text"] == "Ìîðå íà çàêàòå"
    again = browser.post(reverse("prompts_import"), {"upload": wrong.context["upload"].key})
    assert next(reading.codec for reading in again.context["readings"]) == "cp1251"
    right = browser.post(reverse("prompts_import"), {"upload": key, "encoding": "cp1251"})

    assert right.context["good"][0]["versions"][0]["text"] == "Море на закате"


@pytest.mark.parametrize("encoding", ["", "utf-8", "rot13", "idna", "no-such"])
def test_no_encoding_but_those_on_the_page_is_taken(alice: User, encoding: str):
    browser = signed_in(alice)
    page = sent(browser, "text\nМоре\n".encode("cp1251"))

    again = browser.post(reverse("prompts_import"), {"upload": page.context["upload"].key, "encoding": encoding})

    assert "readings" in again.context
    assert not Prompt.objects.exists()


@pytest.mark.parametrize("key", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_a_file_of_somebody_else_or_of_nobody_has_to_be_chosen_again(alice: User, bob: User, key: str):
    sent(signed_in(bob), "text\nМоре\n".encode("cp1251"))
    wanted = key or str(UndecidedFile.objects.get().pk)

    page = signed_in(alice).post(reverse("prompts_import"), {"upload": wanted, "encoding": "cp1251"})

    assert page.status_code == 422
    assert "That file is not here any more. Choose it again." in page.content.decode()


@pytest.mark.parametrize("data", [b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00\xcf\xfa" * 50, bytes(range(256)) * 20])
def test_a_file_that_is_no_text_is_not_offered_in_any_encoding(alice: User, data: bytes):
    page = sent(signed_in(alice), data)

    assert page.status_code == 422
    assert "no text" in page.content.decode()
    assert not UndecidedFile.objects.exists()


def test_unicode_is_read_without_a_question(alice: User):
    page = sent(signed_in(alice), "text\nМоре 橘猫\n".encode())

    assert page.context["good"][0]["versions"][0]["text"] == "Море 橘猫"
    assert page.context["notice"] == ""


def test_the_table_of_a_batch_asks_for_its_encoding_and_may_be_read_in_another(alice: User, tide: Project, xai: Connection):
    browser, address = signed_in(alice), reverse("batch_sheet", args=["TIDE"])
    data = "subject\nлодка у причала\nчайки на закате\n".encode("cp1251")
    page = browser.post(address, {"sheet": "1", "prompt": "A {{subject}}", "file": SimpleUploadedFile("shots.csv", data)})
    assert not Batch.objects.exists()
    carried = dict(page.context["fields"]) | {"upload": page.context["upload"].key}

    plan = browser.post(address, {**carried, "encoding": "cp1251"}, follow=True).context["plan"]

    assert [row.prompt for row in plan.batch.rows.all()] == ["A лодка у причала", "A чайки на закате"]
    assert plan.notice == "It is read as Cyrillic (Windows-1251), as you chose."
    again = browser.get(address, {"upload": plan.upload, "encoding": "cp1252"})
    assert again.context["readings"][0].codec == "cp1251"
    assert Batch.objects.count() == 1


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", [*TEXTS.values(), "一二一一", "सूर्यास्त के समय समुद्र"])
def test_unicode_is_certain_in_every_script_with_a_mark_and_without(codec: str, text: str):
    for file in (f"text,name\n{text},One\n", f'[{{"text": "{text}"}}]', f"текст\n{text}\n", f"{text};光\n{text}\t光\n"):
        assert encodings.unicode_of(file.encode(codec)) == file


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"text\nabc\n" + b"x" * 300 + b"\0"])
def test_what_has_a_zero_and_is_no_unicode_does_not_become_another_text(data: bytes):
    try:
        read = encodings.unicode_of(data)
    except UnicodeDecodeError:
        return
    assert read in {None, data.decode("utf-8", "replace")}
