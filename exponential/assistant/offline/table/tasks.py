"""Ways to add, list, complete, change and delete tasks."""

# fmt: off
# ruff: noqa: E501

from exponential.assistant.offline.table.row import BARE, NAMED, OPEN, WHOLE, Row

ADDING = (
    Row("create_task", "<add> {title}", yes=["add buy milk tomorrow => title='buy milk' due=2026-05-07", "create fix the bike #Garden !high => title='fix the bike' project=Garden priority=high"], priority=OPEN),
    Row("create_task", "<add> ({title} (to|on|onto|in|into) <list> [{change}]|(to|on) <list> {title})", yes=["put the gym bag on my list for friday => title='the gym bag' due=2026-05-08"]),
    Row("create_task", "[<add>] [me] [<the>] [new|quick|little|single] [{priority}] (task|to-do|todo|to do) [for me] [for] [{when}] [called|named|saying|that says|titled] [to|for|about|that] {title}", yes=["new task call mom => title='call mom'", "create an urgent task fix the login bug => title='fix the login bug' priority=urgent", "create a task for friday: send the deck => title='send the deck' due=2026-05-08"], no=["task is done"], priority=NAMED),
    Row("create_task", "[<add>] [<the>] [following|these|two|three|four|five|some|a few] [new|quick] (tasks|to-dos|todos|things|items|chores|to do) [to|on] [<list>] [for {when}] {list}", yes=["add three tasks: wash car, mow lawn and clean garage => title='wash car' ;; title='mow lawn' ;; title='clean garage'"], priority=NAMED),
    Row("create_task", "[(in|under|for|to) [<the>] [project] {project}] <add> [these] [(to|on) <list>] {titles}", yes=["under office add order toner, water plants - both by monday => title='order toner' project=office due=2026-05-11 ;; title='water plants' project=office due=2026-05-11"], no=["add bread and butter"]),
    Row("create_task", "[in|for|under|to] [<the>] [project] {project} [project] (:|<add>) [<add>] [<the>] [new] [task|todo|to do] [to] {title}", yes=["In Garden, add a task to prune the roses => title='prune the roses' project=Garden", "Household: descale the kettle => title='descale the kettle' project=Household"], priority=NAMED, known=True),
    Row("create_task", "([i|we|i've|we've] [<really>] (have|need|ought|got|must) to [remember to]|(i|we) (must|should|better) [<really>]) {title}", yes=["i have to pay rent by the 31st => title='pay rent' due=2026-05-31", "I should really call grandma this weekend => title='call grandma' due=2026-05-09"]),
    Row("create_task", "([i|we] (don't|do not|can't|mustn't|must not) [let me|want to] forget [to|about]|(remember|make sure|be sure|note to self|reminder to self) (to|i|that i have to|that i need to|:)) {title}", yes=["don't forget to call mom => title='call mom'", "remember to water the plants on sunday => title='water the plants' due=2026-05-10"], no=["remember that I like tea"]),
    Row("create_task", "((add|make|turn|convert|put|save|create) {item} (a|as a|into a|to my|into|as|on my) (task|to-do|todo|tasks|list) [{change}]|(add|create|make) [<the>] (task|tasks) (of|from|out of|for) {item} [{change}])", yes=["[items] make the second one a task => title='book the venue' action_item=a2"], priority=WHOLE),
    Row("create_task", "{errand}", yes=["buy milk tomorrow => title='buy milk' due=2026-05-07"], no=["dentist tomorrow"], priority=BARE),
)
LISTING = (
    Row("list_tasks", "[<show>] [me] [<which>] [all] [of] [<the>] [{filters}] <tasks> [{more}]", yes=["show me my tasks => status=open", "overdue tasks => status=open due=overdue", "list tasks due friday in Garden => status=open due=2026-05-08 project=Garden", "show completed tasks => status=done"], no=["show my reminders"], priority=OPEN),
    Row("list_tasks", "(what's|what|anything|something|is there anything|is anything) [is|are] [still|else|all|there] [left|due|on|up|coming up|planned|happening|to do|open] [to do] [on|in|for] [my plate|<list>|the agenda|my agenda] [{filters}]", yes=["what's due this week? => status=open due=week", "what's on my list => status=open", "anything due tomorrow? => status=open due=tomorrow"], priority=OPEN),
    Row("list_tasks", "(what|which things|anything) [else] (do|should|must|have|am|can) (i|we) [still|supposed] (have|need|got|do|finish|on|to) [left] [to] [do|get done|finish|be done|complete] [due|planned|coming up|on my list|on my plate|on] [{filters}]", yes=["what do I have to do today? => status=open due=today"]),
    Row("list_tasks", "(do|have) (i|we) (have|got) [any|anything|something|some|stuff|much] [tasks|to-dos|things] [due|planned|to do|left|on|coming up|for] [{filters}]", yes=["do i have anything due tomorrow? => status=open due=tomorrow"]),
    Row("list_tasks", "[what's|what is|what does|how does|<show> [me]] [<the>] [{filters}] (agenda|schedule|plan|day|workload) [look like] [for] [{more}]", yes=["today's agenda => status=open due=today", "my agenda for tomorrow => status=open due=tomorrow"], priority=OPEN),
    Row("query", "(what|which tasks|how many|how much) [tasks|things|stuff] (did|have) (i|we) [already] (finish|finished|complete|completed|get done|got done|do|done|tick off|ticked off|accomplish|accomplished|achieve|achieved|close|closed|manage) [{done}]", yes=["what did I finish last week? => about=tasks status=done since=2026-04-27 until=2026-05-03"], args={"about": "tasks", "status": "done"}, priority=NAMED),
)
COMPLETING = (
    Row("complete_task", "((mark|set|tick|flag|put|check|count) {ref} [off] [as|to|down as|as being] [a] (done|complete|completed|finished)|mark [as] (done|complete|completed|finished) {ref})", yes=["mark the milk as done => task=milk", "[tasks] mark 1 and 2 as done => task=t1 ;; task=t2"], priority=NAMED),
    Row("complete_task", "(tick|check|cross|strike) [off] {ref} [off] [[of|from|on] <list>]", yes=["tick off buy milk => task='buy milk'", "[tasks] cross the second one off my list => task=t2"]),
    Row("complete_task", "[i'm|i am|i|i've|i have|we|we've|we have] [<already>] (complete|finish|done|finished|completed|did|close|close out) [<already>] [with|off|doing] {ref}", yes=["done with the tax return => task='tax return'", "[tasks] done 2 => task=t2", "I finished the slides => task=slides"], priority=OPEN),
    Row("complete_task", "{ref} (is|are|has been|have been|was|got|'s) [<already>] [all] (done|complete|completed|finished|sorted|taken care of|dealt with|off my list|ticked off)", yes=["the invoice is done => task=invoice", "[tasks] the first one is finished => task=t1"], priority=OPEN),
    Row("complete_task", "{ref} (done|✅|☑|✔|finished|completed|sorted|complete)", yes=["buy milk ✅ => task='buy milk'", "invoice done! => task=invoice"], priority=BARE),
    Row("complete_task", "(i|i've|i have|we|we've|we have) [<already>|managed to|went and] {past}", yes=["I've already paid the rent => task='pay rent'"], priority=OPEN),
    Row("complete_task", "{past}", yes=["sent the invoice => task='send invoice'"], priority=BARE),
    Row("complete_task", "{passive}", yes=["milk's been bought => task='buy milk'"], priority=BARE),
    Row("complete_task", "[it's|that's|that one's|that is|it is|i'm] [all|now|already] (done|finished|did it|did that|completed|sorted|mark it done|tick it off|check it off|cross it off)", yes=["[task] done => task=t1"], priority=WHOLE),
    Row("reopen_task", "((reopen|re-open|uncheck|untick|unmark|restore) {ref}|(open|put) {ref} (again|back|back on <list>)|mark {ref} [back] as (not done|open|undone|incomplete|unfinished) [again])", yes=["reopen the invoice => task=invoice", "[completed] put it back on my list => task=t1"], priority=NAMED),
    Row("reopen_task", "({ref} (isn't|is not|wasn't|aren't|was not) [<really>] (done|finished|complete)|(i|we) (didn't|haven't|did not|have not|never) [<really>] (finish|finished|do|done|complete|completed) {ref}) [yet|after all]", yes=["the report isn't done yet => task=report"], priority=NAMED),
)
CHANGING = (
    Row("update_task", "<move> {ref} [back|forward|out|off|up] [to|until|by|for|on|from] {change}", yes=["move the dentist to thursday 2pm => task=dentist due=2026-05-07T14:00", "[task] push it back two days => task=t1 delay_days=2", "bump the invoice to urgent => task=invoice priority=urgent"], priority=OPEN),
    Row("update_task", "((make|mark|set|flag) {ref} [due|as|to be|for] {change}|(put|stick|have) {ref} (off|on|to|at|for|in|into|off until) {change})", yes=["make the invoice urgent => task=invoice priority=urgent", "[dated] make it 4pm => task=t1 due=2026-05-08T16:00"], known=True),
    Row("update_task", "{ref} (is|are|'s|should be|must be|needs to be|has to be|can be|was moved|moves|moved|got moved|can wait|belongs) [now|actually] [due|done|to|until|in] [by|on|for] {change}", yes=["the invoice is due on friday => task=invoice due=2026-05-08", "the invoice moves to tuesday => task=invoice due=2026-05-12"], priority=OPEN, known=True),
    Row("update_task", "(set|change|update|move|make|push|adjust) [<the>] ((due date|deadline|date|due|time|priority) (of|for|on) {ref}|{ref} ('s|) (due date|deadline|priority)) (to|as|on) {change}", yes=["set the priority of call mom to low => task='call mom' priority=low"], priority=WHOLE),
    Row("update_task", "[<the>] (due date|deadline|date|priority) (of|for|on) {ref} (is|should be|to) [now] {change}", yes=["deadline for the report is friday => task=report due=2026-05-08"], priority=NAMED),
    Row("update_task", "((rename|retitle) [<the>] [task] {ref} (to|as|into) {new_title}|(change|update) [the] (title|name|wording) (of|for) {ref} to {new_title}|(call|name) (it|that|this) {new_title})", yes=["rename buy milk to buy oat milk => task='buy milk' title='buy oat milk'"]),
    Row("update_task", "(change|edit|update|turn) {ref} (to|into) {new_title}", yes=["change buy milk to buy oat milk => task='buy milk' title='buy oat milk'"], priority=BARE, known=True),
    Row("update_task", "(remove|clear|drop|delete|take|take off|get) [<the>] (due date|deadline|date) [of|from|on|for|off] [{ref}]", yes=["clear the due date of the invoice => task=invoice due=none"], args={"due": "none"}, priority=WHOLE),
    Row("update_task", "[no|and|rather|better|i meant|i mean|make that|same but] [for|on|at|to] {change}", yes=["[task] no, tuesday => task=t1 due=2026-05-12", "[task] high priority => task=t1 priority=high"], priority=BARE),
)
DELETING = (
    Row("delete_task", "<delete> {ref} [(from|off) <list>]", yes=["delete buy milk => task='buy milk'", "[tasks] delete the first two => task=t1 ;; task=t2"], no=["delete everything"], priority=OPEN),
    Row("delete_task", "(<delete> [<the>] (task|to-do|todo|item) [called|named|about] {ref} [(from|off) <list>]|(take|scratch) {ref} off <list>|(i|we) (don't|no longer|do not) need {ref} (any more|anymore|any longer))", yes=["remove the task call mom from my list => task='call mom'"], priority=NAMED),
    Row("undo", "[oops|no|wait|oh] (undo|revert|roll back|take back|take it back|take that back|reverse) [it|that|this|the last one|the last thing|last thing|the last step|the last change|my last change|what you did|what you just did]", yes=["undo => ", "revert that => "], priority=WHOLE),
    Row("undo", "[oops|no|wait|that was|i deleted it|i removed it] [it|that|was] (a mistake|by mistake|by accident|the wrong one|not what i meant|not what i wanted|wrong one|bring it back|get it back|bring that back)", yes=["that was a mistake => "], priority=WHOLE),
)
ROWS = (*ADDING, *LISTING, *COMPLETING, *CHANGING, *DELETING)
