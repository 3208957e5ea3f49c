"""Ways to set, list, put off and cancel reminders, and to set the morning briefing."""

# fmt: off
# ruff: noqa: E501

from exponential.assistant.offline.table.row import BARE, NAMED, WHOLE, Row

ROWS = (
    Row("remind", "(remind|ping|nudge|alert|notify|buzz|poke|remember) me [{title}]", yes=["remind me tomorrow at 9 to call mom => text='call mom' at=2026-05-07T09:00", "remind me every weekday at 8:30 to write the journal => text='write the journal' at=2026-05-07T08:30 repeat=weekdays"], no=["remind me what we decided"]),
    Row("remind", "([add|create|set|set up|schedule|new|i need|i want|i'd like|give me|send me] [me] [<the>] [new|little|quick|recurring] [{often}] reminder [to|about|for]|(give|send|drop) me <the> [little|quick|gentle] (nudge|heads up|heads-up|ping|shout|buzz)) [{title}]", yes=["set a reminder to take pills at 8pm => text='take pills' at=2026-05-06T20:00"], priority=NAMED),
    Row("remind", "{when} ([please] remind me [to|about|of|that]|to) {text}", yes=["in 45 minutes remind me to check the oven => text='check the oven' at=2026-05-06T11:15", "tomorrow at 9 to call mom => text='call mom' at=2026-05-07T09:00"], priority=BARE),
    Row("remind", "wake me [up] {when}", yes=["wake me at 6:30 tomorrow => text='wake up' at=2026-05-07T06:30"], args={"text": "wake up"}),
    Row("remind", "set [<the>] alarm [for|at] {when}", yes=["set an alarm for 7am => text=alarm at=2026-05-07T07:00"], args={"text": "alarm"}, priority=WHOLE),
    Row("list_reminders", "[<show>] [me] [<which>|have i set] [all] [of] [<the>] [upcoming|next|active|set] reminder[s] [list] [do i have|are set|are there|i have|set|have i got set|have i set|have i got] [today|for today|this week]", yes=["list my reminders => ", "any reminders set? => "], no=["set a reminder"], priority=NAMED),
    Row("list_reminders", "(what|when) (will|are|do|is) you [going] [to] remind me [of|about] [next|today|tomorrow]", yes=["what will you remind me of today? => "], priority=WHOLE),
    Row("cancel_reminder", "<cancel> [<the>] ((reminder|alarm)[s] [about|for|to|of|that says|called] {ref}|{ref} (reminder|alarm)[s])", yes=["cancel the reminder about the pills => reminder=pills", "[reminders] delete the second reminder => reminder=r2"], priority=WHOLE),
    Row("cancel_reminder", "<cancel> {ref}", yes=["[reminders] cancel the first one => reminder=r1", "[reminder] cancel it => reminder=r1"], priority=NAMED, known=True),
    Row("cancel_reminder", "(stop reminding me|don't remind me|no need to remind me|no longer remind me|you don't need to remind me|you can stop reminding me) [to|about|of] {ref} [any more|anymore|any longer|for good]", yes=["stop reminding me about the pills => reminder=pills"], priority=NAMED),
    Row("snooze_reminder", "(snooze|postpone|delay|put off) [<the>] ({ref} (reminder|alarm)|reminder [about|for|to|of] {ref}) [to|until|for|by|at] {when}", yes=["snooze the pills reminder until 11 => reminder=pills until=2026-05-06T11:00"], priority=WHOLE),
    Row("snooze_reminder", "(move|push|change|reschedule|shift) [<the>] ({ref} (reminder|alarm)|reminder [about|for|to|of] {ref}) [back] [to|for|by|at] {moved}", yes=["move the bank reminder to friday => reminder=bank until=2026-05-08", "change the bank reminder to 16:00 => reminder=bank until=16:00"], priority=WHOLE),
    Row("snooze_reminder", "(snooze|postpone|delay|push|remind me|remind me again|again|move|change|make|put|put off) {ref} [again|back|off] ([to|until|for|by|at|in|on] {when}|[for|by] {duration})", yes=["[reminder] snooze it for 20 minutes => reminder=r1 until=2026-05-06T10:50"], priority=NAMED, known=True),
    Row("snooze_reminder", "(snooze|postpone|delay) ((until|by|to) {when}|[for|by] {duration})", yes=["[reminder] snooze until 11 => reminder=r1 until=2026-05-06T11:00", "[reminder] snooze 15 => reminder=r1 until=2026-05-06T10:45"], priority=NAMED),
    Row("snooze_reminder", "[remind me|again|remind me again|not now|later|make that|no] [later|again|of it|about it] [to|until|for|by|at|in|on] {when}", yes=["[reminder] remind me again in an hour => reminder=r1 until=2026-05-06T11:30", "[reminder] tomorrow at 9 => reminder=r1 until=2026-05-07T09:00"], priority=BARE, known=True),
    Row("snooze_reminder", "(snooze|snooze it|snooze that|not now|remind me later|later)", yes=["[reminder] snooze => reminder=r1"], priority=WHOLE, known=True),
    Row("set_briefing", "[send|give|text|write|get|set up|set|start|schedule|change|move|i'd like|i want|i would like] [me] [<the>] [daily|morning] (briefing|morning summary) [time] [every|each] {briefing_time}", yes=["send me a briefing every day at 7:30 => at=07:30 days=daily", "briefing at 8 on weekdays => at=08:00 days=weekdays"], priority=NAMED),
    Row("set_briefing", "(stop|end|cancel|disable|no more|turn off|switch off|i don't want|remove|delete) [sending me|with] [<the>] [daily|morning] briefing[s] [any more|anymore|every day|every morning]", yes=["stop the briefing => at=off"], args={"at": "off"}, priority=WHOLE),
)
