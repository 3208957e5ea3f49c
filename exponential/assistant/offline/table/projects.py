"""Ways to start projects, ask how they stand and keep them up to date."""

# fmt: off
# ruff: noqa: E501

from exponential.assistant.offline.table.row import NAMED, OPEN, WHOLE, Row

ROWS = (
    Row("create_project", "(create|start|new|add|make|set up|begin) [<the>] ([new] project [called|named|for|on|about] {title}|{title} project)", yes=["create project Alpha, review on 1 june => name=Alpha review_on=2026-06-01", "start a new project called Winter Move => name='Winter Move'"], priority=WHOLE),
    Row("list_projects", "[<show>] [me] [<which>] ([{state}] (projects|project|project list) [do|have] [i|we] [have|got] [going] [on]|[all] [of] [<the>] projects {state})", yes=["list my projects => status=active", "which projects are on hold? => status=on_hold", "show completed projects => status=done"], no=["how many projects are on hold"], priority=WHOLE),
    Row("project_status", "how (is|are|'s|'re) [it|things|everything|we] [going|coming along] [with|on|in] {ref} [going|doing|looking|coming along|progressing|getting on|getting along|standing|so far|at the moment]", yes=["how's alpha going? => project=Alpha", "[project] how is it going? => project=p1"], priority=OPEN),
    Row("project_status", "[<show>] [me] [what's|what is] [<the>] [current] (status|state|progress|standing|overview) [report|update] (of|on|for|in|with) {ref}", yes=["status of the garden project => project=Garden"], priority=NAMED),
    Row("project_status", "({ref} (status|progress) [report|update]|where (are we|do we stand|are things|do things stand|am i|do i stand) (with|on|in) {ref}|where does {ref} stand)", yes=["garden status? => project=Garden", "where do we stand with Website => project=Website"]),
    Row("project_status", "((is {ref}|are we) [still] (on track|at risk|behind|behind schedule|late|in trouble|ok|okay|on schedule) [with {ref}]|how far [along] (is|are we|am i) [along] [with|on|in] {ref} [along])", yes=["is Alpha on track? => project=Alpha", "how far along is Garden? => project=Garden"], priority=NAMED),
    Row("project_status", "((what's|what is|what comes) [<the>] (next|next step|next steps|happening|going on|new|blocking|holding up) [step|thing] [for|in|on|with] {ref}|(show|tell|give|update|brief) [me] [about|on] {ref})", yes=["what's next for Alpha => project=Alpha", "tell me about Garden => project=Garden"], no=["what's next"], known=True),
    Row("update_project", "(put|set|place|move|leave|mark|make|take) [<the>] [project] {ref} [project] [back] [as|to|on] {state}", yes=["put Garden on hold => project=Garden status=on_hold", "[project] put it on hold => project=p1 status=on_hold", "mark the project Garden as done => project=Garden status=done"], priority=WHOLE, known=True),
    Row("update_project", "[<the>] [project] {ref} [project] (is|goes) [now|all|finally|back] [on] {state}", yes=["the Garden project is finished => project=Garden status=done"], priority=NAMED, known=True),
    Row("update_project", "{state} [out] [<the>] (project {ref}|{ref} project)", yes=["pause the garden project => project=Garden status=on_hold", "close out the Garden project => project=Garden status=done"], priority=NAMED, known=True),
    Row("update_project", "(rename|change the name of) [<the>] project {ref} to {name}", yes=["rename the project Alpha to Apollo => project=Alpha name=Apollo"], priority=WHOLE),
    Row("update_project", "rename {ref} to {name}", yes=["[project] rename it to Apollo => project=p1 name=Apollo"], priority=NAMED, known=True),
    Row("update_project", "((set|change|move|schedule|make|push) [<the>] [next] review [date] (of|for|on) {ref} (to|on|for|as) {when}|[next] review (of|for) {ref} [is|on] {when})", yes=["set the next review of Alpha to 1 June => project=Alpha review_on=2026-06-01"], priority=WHOLE),
    Row("update_project", "(review|revisit) {ref} [again] [on|in] {when}", yes=["review Garden next friday => project=Garden review_on=2026-05-15"], priority=WHOLE, known=True),
    Row("update_project", "((note|log|add|record|post|write|put|make|leave) [<the>] [quick] [status] [note|update|comment] (in|on|for|to|about|under|against) [<the>] [project] {ref} [project] [that|saying]|{ref} [status] (update|note) [is]|[<the>] [status] (update|note|news) (on|for|from|in|about) {ref} [that]) {note}", yes=["note on Alpha that the vendor is late => project=Alpha note='the vendor is late'"], priority=NAMED, known=True),
    Row("update_project", "[<add>] [<the>] [quick] [status] (update|note|status report|news|comment) (on|for|from|in|about|to) [<the>] [project] {ref} : {note}", yes=["note for Apollo: client signed off => project=Apollo note='client signed off'"], priority=WHOLE),
)
