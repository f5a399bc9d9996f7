"""The frame around every page: what it shows to whom, what it costs, and the tags it is made of."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from django import forms
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.template import engines
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls.resolvers import ResolverMatch
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from studio.accounts.models import User
from studio.control.shell import Shell
from studio.control.templatetags import ui
from studio.credits.models import Account, Entry
from studio.jobs.models import Job, Look
from studio.projects.models import Membership, Project
from studio.routing.models import Connection
from studio.web.too_many_requests import TooManyRequests, refuse
from tests.conftest import signed_in


def frame(user: User | None, *, page: str = "", code: str = "", lately: Sequence[str] = ()) -> Shell:
    """The shell of a request by this person for the page of that name."""
    request = RequestFactory().get("/")
    request.session = SessionStore()
    request.session["lately"] = list(lately)
    if user is not None:
        request.user = user
    request.resolver_match = ResolverMatch(lambda: None, (), {"code": code} if code else {}, url_name=page)
    return Shell(request)


def job(project: Project, author: User, connection: Connection, number: int, state: str) -> Job:
    return Job.objects.create(project=project, author=author, connection=connection, number=number, prompt="Mist", state=state)


def rendered(text: str, **context: object) -> str:
    return str(engines["django"].from_string(text).render(context))


# ───── who sees what


def test_a_fragment_that_shows_nothing_of_the_frame_costs_no_query(alice: User, django_assert_num_queries: DjangoAssertNumQueries):
    with django_assert_num_queries(0):
        shell = frame(alice, page="studio", code="TIDE")
        assert (shell.team, shell.section, shell.user) == ("Studio", "studio", alice)


def test_alice_sees_her_projects_and_how_much_goes_on_in_each(alice: User, tide: Project, xai: Connection):
    Project.objects.create(code="KOI", name="Koi & Lantern")
    for number, state in enumerate(["queued", "rendering", "in_doubt", "done", "failed", "cancelled"], start=1):
        job(tide, alice, xai, number, state)

    shell = frame(alice, page="studio", code="tide")

    assert [(place.code, place.live, place.here) for place in shell.projects] == [("TIDE", 3, True)]
    assert shell.live == 3


def test_listing_projects_takes_three_queries_however_many_there_are(ada: User, xai: Connection, django_assert_num_queries: DjangoAssertNumQueries):
    for letter in "ABCDEFGH":
        job(Project.objects.create(code=f"{letter}1", name=letter), ada, xai, 1, "queued")
    shell = frame(ada)
    with django_assert_num_queries(3):
        assert [place.live for place in shell.projects] == [1] * 8
        assert (shell.live, shell.project) == (8, shell.projects[0])


def test_what_ended_since_one_last_looked_is_counted_by_project_and_cancelled_or_running_is_not(alice: User, tide: Project, xai: Connection):
    for number, state in enumerate(["done", "done", "failed", "cancelled", "rendering"], start=1):
        Job.objects.filter(pk=job(tide, alice, xai, number, state).pk).update(version=number)
    assert [place.new for place in frame(alice).projects] == [0], "nothing is marked before the first look"
    look = Look.objects.create(user=alice, project=tide, version=1)
    assert [place.new for place in frame(alice).projects] == [2]
    Look.objects.filter(pk=look.pk).update(version=5)
    assert [place.new for place in frame(alice).projects] == [0]


def test_the_sidebar_lists_eight_by_name_among_them_those_where_one_was_lately(ada: User):
    for letter in "ABCDEFGHIJKL":
        Project.objects.create(code=f"{letter}1", name=letter)
    shell = frame(ada, page="studio", code="L1", lately=["K1"])
    assert [place.name for place in shell.listed] == ["A", "B", "C", "D", "E", "F", "K", "L"]
    assert len(shell.projects) == 12


def test_away_from_projects_the_studio_link_leads_to_where_one_was_last(bob: User, tide: Project, xai: Connection):
    koi = Project.objects.create(code="KOI", name="Koi & Lantern")
    Membership.objects.create(project=koi, user=bob, role="maker")
    job(tide, bob, xai, 1, "rendering")
    last = frame(bob, page="credits", lately=["KOI", "TIDE"]).project
    assert last is not None
    assert last.code == "KOI"


def test_mallory_is_shown_nothing_of_a_project_whose_code_she_knows(mallory: User, tide: Project):
    shell = frame(mallory, page="studio", code="TIDE")
    assert shell.projects == []
    assert shell.project is None


def test_an_archived_project_is_listed_only_on_its_own_pages(alice: User, tide: Project):
    Project.objects.filter(pk=tide.pk).update(archived_at=datetime(2026, 11, 1, tzinfo=UTC))
    assert frame(alice).projects == []
    assert [place.name for place in frame(alice, page="project_settings", code="TIDE").projects] == ["Tidewater"]


def test_away_from_projects_the_studio_link_leads_to_the_busiest_one(alice: User, tide: Project, xai: Connection):
    koi = Project.objects.create(code="KOI", name="Koi & Lantern")
    Membership.objects.create(project=koi, user=alice, role="maker")
    assert frame(alice, page="credits").project == frame(alice).projects[0]
    job(tide, alice, xai, 1, "rendering")
    busiest = frame(alice, page="credits").project
    assert busiest is not None
    assert busiest.code == "TIDE"


def test_nobody_signed_in_sees_no_project_and_no_money(tide: Project):
    shell = frame(None)
    assert (shell.user, shell.projects, shell.project, shell.account.balance) == (None, [], None, 0)


def test_a_person_who_was_switched_off_is_nobody(alice: User):
    alice.is_active = False
    assert frame(alice).user is None


def test_a_request_that_matched_no_address_has_a_frame_too(alice: User, tide: Project):
    request = RequestFactory().get("/nope/")
    request.user = alice
    assert (Shell(request).section, Shell(request).projects[0].here) == ("", False)


@pytest.mark.parametrize(
    ("page", "section"), [("job", "studio"), ("clip", "gallery"), ("credits_people", "credits"), ("connection_edit", "connections"), ("home", "")]
)
def test_a_page_belongs_to_its_section(page: str, section: str):
    assert frame(None, page=page).section == section


# ───── the balance


def test_the_balance_bar_is_measured_against_the_newest_grant(alice: User):
    account = Account.objects.create(user=alice, balance=500_000, held=100_000)
    Entry.objects.create(account=account, kind="grant", reference="old", amount=9_000_000)
    Entry.objects.create(account=account, kind="grant", reference="new", amount=1_000_000)

    shell = frame(alice)

    assert (shell.free_share, shell.held_share, shell.balance_is_low) == ("0.400", "0.100", False)


def test_a_balance_below_a_tenth_of_the_newest_grant_is_low(alice: User):
    account = Account.objects.create(user=alice, balance=99_000)
    Entry.objects.create(account=account, kind="grant", reference="new", amount=1_000_000)
    assert frame(alice).balance_is_low


def test_a_person_who_never_had_credits_has_none_and_no_account_is_made(alice: User):
    shell = frame(alice)
    assert (shell.account.shown, shell.free_share, shell.balance_is_low) == (0, "0.000", True)
    assert not Account.objects.exists()


# ───── whole pages


def test_carol_gets_the_frame_without_the_admin_part(carol: User, tide: Project):
    page = signed_in(carol).get("/me/").content.decode()
    assert "Tidewater" in page
    assert "Connections" not in page


def test_ada_gets_the_admin_part(ada: User):
    page = signed_in(ada).get("/me/").content.decode()
    assert "Connections" in page
    assert "People" in page


def test_every_id_in_the_frame_is_there_once(ada: User, tide: Project):
    page = signed_in(ada).get("/me/").content.decode()
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


def test_the_page_says_where_scripts_may_come_from_and_marks_its_own(ada: User):
    answer = signed_in(ada).get("/me/")
    policy = answer["Content-Security-Policy"]
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert f'<script type="importmap" nonce="{nonce}">' in answer.content.decode()
    assert "unsafe-inline" not in policy.split("script-src ")[1].split(";")[0]


def test_the_forgery_token_travels_with_every_request_of_htmx(ada: User):
    assert '<body hx-headers:inherited=\'{"X-CSRFToken": "' in signed_in(ada).get("/me/").content.decode()


def test_an_unknown_address_keeps_the_frame_for_those_who_are_signed_in(ada: User):
    answer = signed_in(ada).get("/p/NOPE/settings/")
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.content.decode()
    assert 'id="side"' in answer.content.decode()


def test_an_unknown_address_shows_strangers_no_frame(client: Client, db: None):
    answer = client.get("/nope/")
    assert answer.status_code == 404
    assert 'id="side"' not in answer.content.decode()


def test_a_form_that_was_open_too_long_is_explained(alice: User):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    answer = browser.post("/projects/new/", {"name": "Koi"})
    assert answer.status_code == 403
    assert "This page was open too long" in answer.content.decode()


@pytest.mark.parametrize("name", ["400.html", "500.html"])
def test_the_last_pages_need_no_request(name: str):
    assert "Go to the start" in render_to_string(name)


def test_too_many_tries_are_answered_with_a_page():
    assert "Try again in 2 minutes." in refuse(RequestFactory().get("/"), TooManyRequests(100)).content.decode()


def test_a_refusal_says_why(rf: RequestFactory):
    assert "Ask an owner" in render_to_string("403.html", {"exception": "Ask an owner."}, request=rf.get("/"))
    assert "Your role does not allow it" in render_to_string("403.html", {"exception": ""}, request=rf.get("/"))


def test_messages_are_announced_with_their_tone(ada: User):
    answer = signed_in(ada).post("/me/", {"name": "Ada", "time_zone": "", "locale": ""}, follow=True)
    assert 'class="toast" data-tone="success"' in answer.content.decode()


# ───── tags


def test_an_icon_is_a_reference_into_the_sprite():
    assert rendered('{% icon "play" "i-14" %}') == '<svg class="i i--play i-14" aria-hidden="true"><use href="/static/img/icons.svg#play"/></svg>'


def test_a_provider_played_by_the_sandbox_wears_a_ring():
    assert 'class="pv pv--xai"' in rendered('{% provider_mark "xai" %}')
    assert 'class="pv pv--xai pv--sandbox"' in rendered('{% provider_mark "xai" sandbox=True %}')


def test_a_provider_is_called_by_its_name():
    assert rendered('{{ "comet"|provider_name }} {{ "gone"|provider_name }}') == "CometAPI gone"


def test_a_person_is_a_colour_and_initials(alice: User):
    alice.name = "<Alice> Liddell"
    picture = rendered("{% avatar who %}", who=alice)
    assert 'data-i="&lt;L"' in picture
    assert "<Alice" not in picture


def test_a_project_is_a_letter_on_its_colour(tide: Project):
    assert rendered("{% cover project %}", project=tide) == f'<span class="cover v-ah vw{tide.hue} vh0 vt0" data-i="T" aria-hidden="true"></span>'


@pytest.mark.parametrize(
    ("text", "number", "tall"),
    [("16:9", "1.7778", False), ("9:16", "0.5625", True), ("", "1.7778", False), ("0:1", "1.7778", False)],
)
def test_an_aspect_ratio_has_a_shape(text: str, number: str, *, tall: bool):
    assert ui.ratio_number(text) == number
    assert ("ar--tall" in ui.ratio(text)) is tall


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0, "0 s"), (8, "8 s"), (94, "1 min 34 s"), (120, "2 min"), (59.7, "1 min"), (7260, "2 h 1 min"), (3600, "1 h")],
)
def test_a_stretch_of_time_is_written_with_units(seconds: float | None, text: str):
    assert ui.seconds_text(seconds) == text


def test_figures_are_written_as_people_write_them():
    assert (
        rendered("{{ a|credits }} {{ b|credits }} {{ c|thousands }} {{ d|timecode }}", a=1_240_000, b=None, c=1240, d=68_400) == "1,240 – 1,240 1:08"
    )


def test_the_import_map_has_every_module_and_asks_no_disk_twice(settings: Settings):
    settings.DEBUG = False
    ui.modules_once.cache_clear()
    printed = rendered("{% importmap %}")
    assert '"app/toast":"/static/js/toast.js"' in printed
    assert ui.modules_once() is ui.modules_once()
    settings.DEBUG = True
    assert rendered("{% importmap %}") == printed


def test_without_a_scripts_folder_the_map_is_empty(settings: Settings):
    settings.STATICFILES_DIRS = []
    assert ui.modules() == {}


def test_a_page_asks_for_a_module_of_its_own():
    assert rendered('{% module "pulse" %}') == '<script type="module" fetchpriority="low" nonce="" src="/static/js/pulse.js"></script>'


class Order(forms.Form):
    name = forms.CharField(help_text="As on the label.", widget=forms.TextInput(attrs={"class": "mono"}))
    kind = forms.ChoiceField(choices=[("a", "A")], required=False)
    sure = forms.BooleanField(required=False, help_text="Or not.")
    key = forms.CharField(widget=forms.HiddenInput, required=False)


def field(name: str, data: dict[str, str] | None = None) -> str:
    return render_to_string("_field.html", {"field": Order(data)[name]})


def test_a_field_has_a_label_help_and_our_style():
    shown = field("name")
    assert '<label for="id_name">Name</label>' in shown
    assert 'class="input mono"' in shown
    assert 'aria-describedby="id_name_helptext"' in shown
    assert 'id="id_name_helptext"' in shown


def test_a_wrong_field_says_so_beside_itself():
    shown = field("name", {"name": ""})
    assert 'aria-invalid="true"' in shown
    assert 'id="id_name_error"' in shown
    assert "This field is required." in shown


def test_a_choice_may_be_left_out_and_says_so():
    shown = field("kind")
    assert 'class="input select"' in shown
    assert "optional" in shown


def test_a_tick_stands_before_its_words():
    assert '<label class="tick"><input type="checkbox"' in field("sure")


def test_a_hidden_field_is_nothing_but_itself():
    assert field("key").strip().endswith('<input type="hidden" name="key" id="id_key">')
