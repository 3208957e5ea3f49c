"""Counts and comparisons of one's own records, and facts to remember, recall and forget."""

# fmt: off
# ruff: noqa: E501

from exponential.assistant.offline.table.row import BARE, NAMED, OPEN, WHOLE, Row

ROWS = (
    Row("query", "(how many|how much|number of|count|group|break down|split) [<the>] [{filters}] {subject} [{more}]", yes=["how many tasks do I have? => about=tasks", "how many tasks are due this week? => about=tasks due=week", "how many overdue tasks do I have? => about=tasks status=overdue", "how many meetings did I have in April? => about=meetings since=2026-04-01 until=2026-04-30", "how many open tasks does each project have? => about=tasks status=open group_by=project", "how many action items does Priya have? => about=action_items owner=Priya"], priority=NAMED),
    Row("query", "[<show>] [me] [<which>] [all] [of] [<the>] projects {more}", yes=["which projects have no next step? => about=projects without=next_step", "which projects are at risk? => about=projects status=at_risk"], no=["which projects are on hold"], args={"about": "projects"}),
    Row("query", "which project has [the] most [open|unfinished] (tasks|to-dos|things|work)", yes=["which project has the most open tasks? => about=tasks status=open group_by=project"], args={"about": "tasks", "status": "open", "group_by": "project"}, priority=WHOLE),
    Row("query", "(did i (finish|get|complete|do) (more|less|fewer) [done] [tasks|things|stuff] [done] {period} than {second_period}|compare [<the>] [tasks|things|number of tasks] [i|we] (finish|finished|done|completed|did|got done) {period} (with|to|and|vs|against) {second_period})", yes=["did I get more done this week than last week? => about=tasks status=done since=2026-05-04 until=2026-05-10 compare_since=2026-04-27 compare_until=2026-05-03"], args={"about": "tasks", "status": "done"}, priority=WHOLE),
    Row("query", "[<show>] [me] [do i have|are there|did anyone leave|did anybody leave|who left] [any|what|all] [me] [<the>] [new] (note|notes|messages) [for me|are there|do i have|left for me|from guests]", yes=["show my notes => about=notes"], args={"about": "notes"}, priority=WHOLE),
    # Facts
    Row("remember", "(remember|keep in mind|note|don't forget|memorise|memorize|save|know|fyi) (that|this) {fact}", yes=["remember that I like tea => fact='I like tea'"], no=["remember to call mom"]),
    Row("remember", "(remember|keep in mind|memorise|memorize|fyi|for the record|for future reference) {fact}", yes=["remember my locker number is 214 => fact='my locker number is 214'"], no=["remember to call mom"], priority=OPEN),
    Row("recall", "(what do you know|what do you remember|what do you have|what did i tell you|what did i ask you to remember|what have i told you|do you know|do you remember) [about|on] {about}", yes=["what do you know about budgets? => about=budgets"], no=["what do you know about me"], priority=NAMED),
    Row("recall", "what (do|did|have) (you|i) (know|remember|ask you to remember|asked you to remember|asked you to keep in mind|tell you to remember|have on me) [about me|so far|of me]", yes=["what do you remember? => ", "what do you know about me? => "], priority=WHOLE),
    Row("recall", "(what's|where's|when's|who's|what are|where are) my {about}", yes=["what's my student id => about='student id'"], no=["what's my next task"], priority=BARE),
    Row("forget", "forget [about] [that|the fact that|what i said about|what i told you about] {ref}", yes=["forget that I like tea => fact='I like tea'"], no=["forget it", "forget everything"]),
)
