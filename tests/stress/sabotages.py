"""The lines that `make sabotage` breaks (sabotage.py), each with the test that must fail then.

docs/testing.md shows them as a table.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sabotage:
    """One line broken: `text` in `file`, which stands there once, becomes `instead`; `guard` must fail then."""

    name: str
    file: str
    text: str
    instead: str
    guard: str

    def check(self, content: str) -> None:
        """A text that no longer stands in its file once is a mistake in the table below."""
        if content.count(self.text) != 1:
            raise SystemExit(f"{self.name}: {self.file} holds {content.count(self.text)} times what is to be broken.")


SABOTAGES = [
    Sabotage(
        "an unanswered order is sent again",
        "studio/jobs/sending.py",
        "move(ticket.job, State.SENDING, State.IN_DOUBT, attempt=attempt, message=message, **fields)",
        "move(ticket.job, State.SENDING, State.QUEUED, attempt=attempt, message=message, **fields)",
        "tests/jobs/test_worker.py::test_a_lost_answer_leaves_the_job_in_doubt_with_its_hold_and_it_is_never_sent_again",
    ),
    Sabotage(
        "what a dead sender held is sent again",
        "studio/jobs/worker.py",
        "move(attempt.job, State.SENDING, State.IN_DOUBT, attempt=attempt, **fields)",
        "move(attempt.job, State.SENDING, State.QUEUED, attempt=attempt, **fields)",
        "tests/jobs/test_worker.py::test_a_sender_that_died_leaves_doubt_never_a_second_submission",
    ),
    Sabotage(
        "money moves without the move being won",
        "studio/jobs/moves.py",
        "    rows = Job.objects.filter(pk=job.pk, state=state)\n",
        "    rows = Job.objects.filter(pk=job.pk)\n",
        "tests/jobs/test_routes.py::test_two_clicks_on_retry_make_one_attempt",
    ),
    Sabotage(
        "a late answer acts on the attempt that followed",
        "studio/jobs/moves.py",
        'return rows if attempt is None else rows.filter(Exists(live(attempt).filter(job=OuterRef("pk"))))',
        "return rows",
        "tests/jobs/test_late.py::test_a_late_look_at_an_attempt_changes_nothing_of_the_one_that_followed",
    ),
    Sabotage(
        "an answer is written down although its submission is over",
        "studio/jobs/sending.py",
        "return live(attempt).filter(answered_at=None).update(answered_at=now, **fields) == 1",
        "return Attempt.objects.filter(pk=attempt.pk).update(answered_at=now, **fields) == 1",
        "tests/jobs/test_late.py::test_an_answer_of_the_first_sending_says_nothing_about_the_second",
    ),
    Sabotage(
        "an answer that is written down twice counts twice",
        "studio/jobs/sending.py",
        "return live(attempt).filter(answered_at=None).update(answered_at=now, **fields) == 1",
        "return live(attempt).update(answered_at=now, **fields) == 1",
        "tests/jobs/test_late.py::test_an_answer_that_is_written_down_twice_counts_once",
    ),
    Sabotage(
        "what was taken on too late is not fetched",
        "studio/jobs/late.py",
        '"rescue_due": now + FIRST_LOOK, "rescue_tries": 0, **alerted(said)}',
        '"rescue_tries": 0, **alerted(said)}',
        "tests/jobs/test_late.py::test_what_was_taken_on_after_its_end_is_watched_and_fetched_at_no_charge",
    ),
    Sabotage(
        "a sender that was held up sends all the same",
        "studio/jobs/sweeping.py",
        "if timezone.now() - (ticket.attempt.sent_at or timezone.now()) > MOST_DELAY:",
        "if not ticket.attempt.sent_at:",
        "tests/jobs/test_late.py::test_what_was_held_up_between_its_claim_and_its_sending_is_not_sent",
    ),
    Sabotage(
        "all orders are claimed before the first one leaves",
        "studio/jobs/sweeping.py",
        "                hands().run(_leaving(started[-1], left))",
        "                assert left",
        "tests/jobs/test_late.py::test_each_request_leaves_before_the_next_order_is_claimed",
    ),
    Sabotage(
        "a reported nothing is believed",
        "studio/jobs/charging.py",
        "    if cost or expected == 0:",
        "    if cost or not expected or expected:",
        "tests/jobs/test_charging.py::test_a_clip_that_is_reported_as_free_costs_the_estimate_unless_its_price_is_nothing",
    ),
    Sabotage(
        "where no price is known any figure is believed",
        "studio/jobs/charging.py",
        "    if cost > most:",
        "    if cost < 0:",
        "tests/jobs/test_charging.py::test_where_no_price_is_known_no_figure_empties_an_account",
    ),
    Sabotage(
        "a charge is corrected twice",
        "studio/credits/ledger.py",
        "Hold.objects.filter(pk=row.pk, corrected=0).update(corrected=change) != 1",
        "Hold.objects.filter(pk=row.pk).update(corrected=change) != 1",
        "tests/jobs/test_alerts.py::test_a_charge_is_corrected_once_and_a_second_alert_is_closed_by_keeping_it",
    ),
    Sabotage(
        "a sweep does not ask for the lease",
        "studio/jobs/worker.py",
        "    if fence is None:\n        return 0\n",
        "    if fence is None:\n        fence = 0\n",
        "tests/jobs/test_worker.py::test_two_sweeps_at_once_are_one",
    ),
    Sabotage(
        "a callback's body is believed over the id that we know",
        "studio/jobs/callbacks.py",
        "    if proposed and attempt.remote_id is None:\n        Attempt.objects.filter(pk=attempt.pk, remote_id=None).update(proposed_id=proposed)",
        "    if proposed:\n        Attempt.objects.filter(pk=attempt.pk).update(remote_id=proposed)",
        "tests/jobs/test_callbacks.py::test_any_body_is_taken_and_none_is_believed",
    ),
    Sabotage(
        "a callback's token is compared with nothing",
        "studio/jobs/callbacks.py",
        "if not hmac.compare_digest(token_hash(token), known) or found is None:",
        "if found is None:",
        "tests/jobs/test_callbacks.py::test_what_is_wrong_in_any_way_gets_the_same_404_and_changes_nothing",
    ),
    Sabotage(
        "a proposed id is taken without asking the provider",
        "studio/jobs/callbacks.py",
        "Attempt.objects.filter(pk=attempt.pk, remote_id=None).update(proposed_id=proposed)",
        "Attempt.objects.filter(pk=attempt.pk, remote_id=None).update(remote_id=proposed)",
        "tests/jobs/test_callbacks.py::test_an_id_that_the_provider_does_not_know_leaves_it_in_doubt",
    ),
    Sabotage(
        "moderation counts as ill health",
        "studio/jobs/health.py",
        "        track.record(attempt.connection_id, attempt.kind, track.Sample(now.timestamp(), track.MODERATED))\n        return\n",
        "        track.record(attempt.connection_id, attempt.kind, track.Sample(now.timestamp(), track.MODERATED))\n        cause = Cause.PROVIDER_FAILED\n",
        "tests/jobs/test_routes.py::test_moderation_never_pauses_a_connection",
    ),
    Sabotage(
        "what the filter refused is tried elsewhere",
        "studio/jobs/routes.py",
        "ELSEWHERE = frozenset({",
        "ELSEWHERE = frozenset({Cause.MODERATED, ",
        "tests/jobs/test_routes.py::test_moderation_doubt_and_a_lost_file_are_never_tried_elsewhere",
    ),
    Sabotage(
        "a retry forgets what the attempts before it were charged",
        "studio/jobs/moves.py",
        'spent = Attempt.objects.filter(job=job).aggregate(total=Sum("charged"))["total"] or 0',
        "spent = charge.millicredits",
        "tests/jobs/test_routes.py::test_a_charged_moderation_and_a_retry_are_two_charges",
    ),
    Sabotage(
        "two clicks on retry make two attempts",
        "studio/jobs/moves.py",
        "        if not _move(job, start, State.QUEUED, fields, attempt=attempt,",
        "        if not _move(job, State(Job.objects.get(pk=job.pk).state), State.QUEUED, fields, attempt=attempt,",
        "tests/jobs/test_routes.py::test_two_clicks_on_retry_make_one_attempt",
    ),
    Sabotage(
        "the provider's id is not kept",
        "studio/jobs/sending.py",
        "_answered(attempt, now, remote_id=report.remote_id, accepted_at=now,",
        "_answered(attempt, now, accepted_at=now,",
        "tests/jobs/test_worker.py::test_a_job_goes_from_order_to_a_clip_in_our_storage_and_costs_what_the_provider_says",
    ),
    Sabotage(
        "Retry-After is ignored",
        "studio/jobs/sending.py",
        "asked = min(LONGEST_REST, error.retry_after or 0)",
        "asked = 0",
        "tests/jobs/test_worker.py::test_not_now_waits_as_long_as_asked_and_then_sends_once",
    ),
    Sabotage(
        "our own timeout is a verdict: overdue is failed",
        "studio/jobs/looking.py",
        "move(attempt.job, State.RENDERING, State.IN_DOUBT, attempt=attempt, cause=Cause.OVERDUE, message=message, due=due)",
        "__import__('studio.jobs.moves').jobs.moves.finish(attempt.job, State.RENDERING, State.FAILED, cause=Cause.OVERDUE, message=message)",
        "tests/jobs/test_doubt.py::test_an_overdue_job_is_looked_at_on_and_its_late_clip_is_taken",
    ),
    Sabotage(
        "doubt gives the hold back",
        "studio/jobs/sending.py",
        "        health.unanswered(attempt, message)",
        "        health.unanswered(attempt, message)\n        __import__('studio.credits.ledger').credits.ledger.release(str(attempt.pk))",
        "tests/jobs/test_worker.py::test_a_lost_answer_leaves_the_job_in_doubt_with_its_hold_and_it_is_never_sent_again",
    ),
    Sabotage(
        "a file that cannot be had is generated again",
        "studio/jobs/saving.py",
        "        note(job, State.SAVING, attempt=attempt, **fields)",
        "        Job.objects.filter(pk=job.pk).update(state=State.QUEUED, due=due, lease_until=None)",
        "tests/jobs/test_worker.py::test_a_failed_download_is_tried_again_and_nothing_is_generated_for_it",
    ),
    Sabotage(
        "an answer about another job is believed",
        "studio/providers/reading.py",
        "    if text(told) and text(told) != asked:\n        raise",
        "    if asked is None:\n        raise",
        "tests/providers/test_samples.py",
    ),
    Sabotage(
        "an answer about many is believed beyond what was asked",
        "studio/providers/acedata.py",
        "return {remote_id: _told(tasks[remote_id], remote_id) for remote_id in remote_ids if remote_id in tasks}",
        "return {remote_id: _told(task, remote_id) for remote_id, task in tasks.items()}",
        "tests/providers/test_samples.py::test_an_answer_is_read_as_its_sample_says[acedata: check_many_with_one_missing_and_a_foreign_one]",
    ),
    Sabotage(
        "the rate of today, not that of the day of sending",
        "studio/jobs/charging.py",
        '    return Rate(attempt.rate_millicredits, attempt.rate_per_units, "in force when it was sent")',
        "    return __import__('studio.routing.prices').routing.prices.rate_for(attempt.connection.provider, 'cost_in_usd_ticks')",
        "tests/jobs/test_worker.py::test_a_rate_that_changes_while_a_job_runs_does_not_change_that_job",
    ),
    Sabotage(
        "a list's entry with the same words but another's address is ours",
        "studio/jobs/doubt.py",
        "nameless = [one for one in found if not one.callback_url]",
        "nameless = list(found)",
        "tests/jobs/test_doubt.py::test_somebody_elses_order_with_the_same_words_is_not_taken",
    ),
    Sabotage(
        "an absurd figure is charged",
        "studio/jobs/charging.py",
        'if expected and cost > UNBELIEVABLE * expected else ""',
        'if expected and cost < 0 else ""',
        "tests/jobs/test_charging.py::test_a_figure_beyond_belief_does_not_empty_an_account",
    ),
    Sabotage(
        "a batch's ceiling is asked by nobody",
        "studio/jobs/moves.py",
        "    batch_ceiling.check(job, option.millicredits)\n",
        "",
        "tests/jobs/test_batch_worker.py::test_held_and_spent_together_never_go_over_the_ceiling",
    ),
    Sabotage(
        "a row that was put back has the key of its first try",
        "studio/jobs/batch_worker.py",
        'f"{row.position}.{row.tries}"',
        'f"{row.position}"',
        "tests/jobs/test_batch_worker.py::test_only_what_failed_is_ordered_again_as_new_jobs_and_never_what_is_in_doubt",
    ),
    Sabotage(
        "a row is ordered although its batch was paused",
        "studio/jobs/batch_worker.py",
        "            if Batch.objects.filter(pk=batch.pk, state=S.RUNNING, turn=batch.turn)",
        "            if Batch.objects.filter(pk=batch.pk)",
        "tests/jobs/test_batch_worker.py::test_a_worker_that_had_not_heard_of_the_pause_orders_nothing",
    ),
    Sabotage(
        "a hold is settled twice",
        "studio/credits/ledger.py",
        "Hold.objects.filter(pk=row.pk, state=Hold.State.OPEN).update(",
        "Hold.objects.filter(pk=row.pk).update(",
        "tests/credits/test_ledger.py::test_asking_twice_moves_nothing_and_says_so",
    ),
    Sabotage(
        "a breaker that is open stops nothing",
        "studio/jobs/sweeping.py",
        "    if row.open_until is None or row.open_until > now:\n        return True",
        "    if row.open_until is None:\n        return True",
        "tests/jobs/test_routes.py::test_a_breaker_stops_orders_and_lets_one_through_after_its_pause",
    ),
    Sabotage(
        "a charge beyond its hold takes what other holds put aside",
        "studio/credits/ledger.py",
        "taken = min(charge, account.balance - (account.held - row.amount))",
        "taken = min(charge, account.balance)",
        "tests/credits/test_ledger.py::test_what_neither_hold_nor_balance_can_give_is_owed_and_other_holds_stay_whole",
    ),
    Sabotage(
        "another project's waiver lifts this one's budget",
        "studio/credits/limits.py",
        "rows = Waiver.objects.filter(_open(), Q(project=None) | Q(project=hold.project_id), user=hold.account.user_id)",
        "rows = Waiver.objects.filter(_open(), user=hold.account.user_id)",
        "tests/credits/test_limits.py::test_a_waiver_that_does_not_fit_or_was_withdrawn_lifts_nothing",
    ),
    Sabotage(
        "a file that one worker saves is saved by a second one too",
        "studio/jobs/saving.py",
        'mine = Job.objects.filter(free("lease_until", now=now, lasts=LEASE), pk=job_id, state=State.SAVING)',
        "mine = Job.objects.filter(pk=job_id, state=State.SAVING)",
        "tests/jobs/test_at_once.py::test_a_job_is_taken_up_by_one_of_many_workers_that_would_save_it",
    ),
    Sabotage(
        "two machines queue the same save",
        "studio/jobs/supervisor.py",
        "if Job.objects.filter(pk=key, state=State.SAVING, due__lte=now).update(",
        "if Job.objects.filter(pk=key, state=State.SAVING).update(",
        "tests/jobs/test_supervisor.py::test_of_two_machines_that_find_a_job_to_save_at_the_same_moment_one_queues_it",
    ),
    Sabotage(
        "days in doubt count as hours",
        "studio/jobs/doubt.py",
        "age = (now - (attempt.sent_at or now)).total_seconds()",
        "age = (now - (attempt.sent_at or now)).seconds",
        "tests/jobs/test_doubt.py::test_after_a_week_nobody_asks_any_more",
    ),
    Sabotage(
        "a wait that a look was told of is not kept",
        "studio/jobs/looking.py",
        "        rest(job.connection_id, until=now + timedelta(seconds=asked))\n",
        "",
        "tests/jobs/test_line.py::test_a_wait_that_a_look_was_told_of_holds_up_everything_too",
    ),
    Sabotage(
        "a rescue in vain forgets that somebody asked meanwhile",
        "studio/jobs/rescue.py",
        "_due().filter(pk=attempt.pk, rescue_due=asked).update(rescue_due=due, rescue_said=troubles[0]",
        "_due().filter(pk=attempt.pk).update(rescue_due=due, rescue_said=troubles[0]",
        "tests/jobs/test_rescue.py::test_what_is_asked_for_while_it_is_fetched_in_vain_is_fetched_again_at_once",
    ),
    Sabotage(
        "a burst comes on top of the request limit",
        "studio/routing/pace.py",
        "max(1, per_minute - burst)",
        "max(1, per_minute)",
        "tests/routing/test_pace.py::test_whoever_asks_at_every_moment_that_allows_it_has_no_more_than_the_limit_in_61_seconds",
    ),
    Sabotage(
        "a name with one public address leads into our own network",
        "studio/providers/guard.py",
        "named or all(is_public(address) for address in found)",
        "named or any(is_public(address) for address in found)",
        "tests/providers/test_guard.py::test_a_name_with_one_private_address_among_public_ones_is_refused",
    ),
    Sabotage(
        "who makes clips in another project counts as a maker in this one",
        "studio/projects/door.py",
        'Membership.objects.filter(project=project, user=user, role__in=MAY["make"])',
        'Membership.objects.filter(user=user, role__in=MAY["make"])',
        "tests/prompts/test_actions.py::test_nobody_puts_a_prompt_where_they_make_nothing",
    ),
    Sabotage(
        "tries at a link's password are not counted",
        "studio/gallery/share_views.py",
        'if not consume(request, action="share_password", key=str(link.pk)):',
        "if not link.pk:",
        "tests/gallery/test_share_guests.py::test_wrong_passwords_are_counted",
    ),
    Sabotage(
        "an access link lets in two",
        "studio/accounts/models.py",
        "filter(pk=self.pk, used_at=None, expires_at__gt=now).update(used_at=now)",
        "filter(pk=self.pk, expires_at__gt=now).update(used_at=now)",
        "tests/accounts/test_links.py::test_two_people_with_one_form_let_in_one",
    ),
    Sabotage(
        "a page of one person acts as another who signed in",
        "studio/accounts/sessions.py",
        "if request.headers.get(PERSON, str(request.user.pk)) != str(request.user.pk):",
        "if request.headers.get(PERSON, str(request.user.pk)) == PERSON:",
        "tests/test_partial_requests.py::test_a_page_never_acts_as_somebody_else",
    ),
    Sabotage(
        "going back gets a part of the page",
        "studio/web/htmx.py",
        "return is_fetched(request) and HISTORY_RESTORE not in request.headers",
        "return is_fetched(request)",
        "tests/test_partial_requests.py::test_going_back_never_shows_a_part_as_a_page",
    ),
    Sabotage(
        "the key of a file store follows a redirect to another host",
        "studio/providers/download.py",
        "own = own if _origin(url) == _origin(before) else NOTHING",
        "own = own if url else NOTHING",
        "tests/providers/test_downloads.py::test_a_key_follows_no_redirect_to_another_host_and_does_not_come_back_with_it",
    ),
    Sabotage(
        "a copy is deleted at the provider before the clip is ours",
        "studio/jobs/stored.py",
        "if not over and (_needed(attempt).exists() or not _delete(attempt)):",
        "if not over and not _delete(attempt):",
        "tests/jobs/test_stored.py::test_a_copy_stays_while_a_clip_is_not_ours_or_not_whole",
    ),
    Sabotage(
        "a file of another name proves an order",
        "studio/providers/xai.py",
        "if file and file.name == name",
        "if file and name",
        "tests/jobs/test_stored.py::test_another_orders_file_is_no_proof",
    ),
    Sabotage(
        "a filter that is down is a final refusal",
        "studio/providers/error_words.py",
        "return Cause.PROVIDER_FAILED",
        "return Cause.MODERATED",
        "tests/providers/test_error_words.py::test_a_filter_that_is_down_is_the_providers_failure_and_no_refusal",
    ),
    Sabotage(
        "an answer that names its clip renders until its deadline",
        "studio/jobs/looking.py",
        "if tries < LOOKS_AT_AN_END:",
        "if tries < MOST_TRIES:",
        "tests/jobs/test_worker.py::test_an_end_without_a_readable_clip_is_doubted_within_a_minute_with_the_true_words",
    ),
]
