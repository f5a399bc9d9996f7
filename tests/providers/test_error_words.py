"""Why something failed, as far as a provider's words tell: real phrases, and phrases that look like others."""

import pytest

from studio.providers import reading
from studio.providers.contract import Cause

REFUSED_BY_THE_FILTER = [
    "Generated video rejected by content moderation.",  # xAI [vercel/ai#13390]
    "Prompt rejected by content moderation.",
    "Inappropriate content, please change the prompt",  # grokimagineapi.com/docs
    "prompt violation",  # TTAPI
    "The prompt contains banned words",  # TTAPI
    "content moderation",  # AceData, responses.mdx
    "Content moderation: sexual content",
    "CONTENT  MODERATION did not pass",
    "Your request was blocked by our safety system.",
    "This prompt violates our content policy.",
    "Flagged by the moderation endpoint",
    "The video was moderated.",
    "Rejected by content moderation. Please try again with another prompt.",
    "Your request was rejected by content moderation, please try again later.",
    "content_policy_violation",
    "rejected by content moderation (request 503-502)",
    "It was not passed by content moderation.",
    "Content moderation has not been passed",
    "Rejected by content moderation; the prompt “a timed out server” is not allowed.",
    "The request failed content moderation",
]
THE_FILTER_IS_DOWN = [
    "content moderation service timed out, try again",
    "moderation service unavailable",
    "The moderation feature is not available",  # xAI's 403 [Wei-Shaw/sub2api#4665]
    "Moderation timed out",
    "Moderation timeout.",
    "Request rejected: the content moderation service is temporarily unavailable.",
    "Error while calling the moderation service",
    "Could not reach content moderation",
    "Content moderation failed with an internal error, please retry",
    "content moderation check failed: upstream status 503",
    "The safety system is overloaded",
    "Timed out waiting for content moderation",
    "rejected by content moderation service: connection timed out",
    "Content moderation is not responding.",
    "content moderation failed, please try again later",
    "unable to complete content moderation",
]
NOTHING_ABOUT_A_REFUSAL = [
    "Content moderation passed, but the GPU ran out of memory.",
    "The prompt passed content moderation. Rendering failed.",
    "The prompt was not rejected by content moderation; the upload failed.",
    "The job is still awaiting content moderation",
    'Could not draw "a poster about content moderation"',
    "Could not draw ‘two banned words on a wall’",
    "A man drinking in moderation could not be rendered",
    "Video generation failed.",
    "",
]
NOT_FOR_THIS_ACCOUNT = [
    "1080p video resolution is not available for your team.",  # xAI's 400 [progrok smoke matrix]
    "The model grok-imagine-video-1.5 is not available for your plan",
    "Your team does not have access to this model.",
    "Your API key is not authorized to use video generation",
    "This feature is not enabled for your organization",
    "Extensions are not included in your current subscription.",
    "This feature requires the Pro plan.",
    "Please upgrade your plan to use 1080p.",
    "This token has no access to model grok-imagine-video",  # new-api
]
USED_UP = [
    "Your team 3f has either used all available credits or reached its monthly spending limit.",  # xAI
    "insufficient quota",
    "user quota is not enough",
    "Insufficient credits. Please upgrade your plan.",
    "Your monthly quota is used up, upgrade your plan",
    "You have reached your monthly limit of 100 videos on this plan.",
    "Daily limit reached",
    "Not enough credits",
    "Your account balance is not sufficient for the current request",
]
FOR_NOW = [
    "Too many requests for team sandbox. Requests per Second (actual/limit): 2/1.",  # xAI
    "Rate limit exceeded. Upgrade your plan or buy credits for more requests per minute.",
    "Your plan allows 3 concurrent jobs. Upgrade your plan for more.",
    "You have reached the limit of 60 requests per minute for your team.",
]
NOT_FOR_NOW = ["Duration must be between 1 and 15 seconds", 'Could not draw "too many requests"', "frames per second must be 24", *USED_UP]


@pytest.mark.parametrize("said", REFUSED_BY_THE_FILTER)
def test_what_the_filter_refused_is_moderated(said):
    assert reading.cause_in(said, {}) is Cause.MODERATED


@pytest.mark.parametrize("said", THE_FILTER_IS_DOWN)
def test_a_filter_that_is_down_is_the_providers_failure_and_no_refusal(said):
    assert reading.cause_in(said, {}) is Cause.PROVIDER_FAILED


@pytest.mark.parametrize("said", NOTHING_ABOUT_A_REFUSAL)
def test_words_that_only_mention_the_filter_say_nothing(said):
    assert reading.cause_in(said, {}) is None


@pytest.mark.parametrize("said", NOT_FOR_THIS_ACCOUNT)
def test_what_the_account_may_not_do_is_not_the_briefs_fault(said):
    assert reading.cause_in(said, {}) is Cause.NOT_PERMITTED


@pytest.mark.parametrize("said", USED_UP)
def test_credits_and_limits_of_a_period_that_are_used_up_are_the_accounts_balance(said):
    assert reading.cause_in(said, {}) is Cause.OUT_OF_BALANCE


@pytest.mark.parametrize("said", FOR_NOW)
def test_a_rate_limit_is_neither_a_plan_nor_a_balance(said):
    assert reading.cause_in(said, {}) is None
    assert reading.asks_to_wait(said)


@pytest.mark.parametrize("said", NOT_FOR_NOW)
def test_what_waiting_does_not_mend_asks_for_no_wait(said):
    assert not reading.asks_to_wait(said)


def test_a_providers_own_words_come_before_those_that_all_use():
    assert reading.cause_in("this token has no access to model", {"this token": Cause.WRONG_KEY}) is Cause.WRONG_KEY
