"""One brief from order to clips: the life of a job, its worker, and the board that shows it.

the life         lifecycle (states and moves, pure) · models · moves (the one writer of states) · charging, checks, receipts
what people do   actions (order, pause, put first, cancel, retry) · acts (to chosen ones, with what it does to their money) · drafts
                 routes (which connection is next) · doubt (verdicts) · forms, composer, views
the worker       worker (sweep, beat) > sweeping (a round) > sending, looking, doubt · hands (loop and wire) · line (whose turn)
                 saving (brings clips in), rescue (brings in later what could not be saved), late (answers that came too late), alerts
                 watching (when to look, pure) · timing (how long) · health (what an outcome says) · callbacks (the open door) · alarms
its keeper       supervisor > cluster (processes)
what is shown    board, cards · references, uploads, media (files)
the library      prompting (texts with variables in the composer) · library (picker, and keeping a brief there)
"""
