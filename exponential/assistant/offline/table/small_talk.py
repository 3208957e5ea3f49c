"""What needs no tool: greetings, thanks, help, and what Paddy can't do."""

# fmt: off
# ruff: noqa: E501

from exponential.assistant.offline.table.row import WHOLE, Row

HELP = """I keep your tasks, projects, meetings and reminders. Try:

- *Add a task: buy milk tomorrow, high priority*
- *What's due this week?* · *Done: buy milk* · *Move it to Friday* · *Undo*
- *Create project Website* · *How is Website going?*
- *Remind me tomorrow at 9 to call mom*
- Paste a meeting's transcript, then: *What did we decide about pricing?*
- *What did I finish last week?* · *Remember that I like tea*

I run without a language model here, so I understand everyday requests in English and not much more."""
WHAT = "What shall I add? For example: *add buy milk tomorrow*."
CHANGED_NOTHING = "All right, I changed nothing."
_CANT = "I can't {}. Say *help* to see what I can do."

ROWS = (
    Row("", "(add|create|<add> [<the>] [new] (task|to-do|todo)|new task)", yes=["add a task => "], reply=WHAT, priority=WHOLE),
    Row("", "(help|menu|commands|start|help me|?|what can you do|what can i do|what can i ask|what can i say|what do you do|how does this work|how do you work|how do i use this|how do i use you|who are you|what are you|are you a bot|are you human|are you an ai|are you real) [for me|here|you]", yes=["help => ", "what can you do? => "], reply=HELP, priority=WHOLE),
    Row("", "(hi|hello|hey|hiya|howdy|yo|good morning|good afternoon|good evening|good day|morning|greetings|ping|test) [there|paddy|again|everyone]", yes=["hi => ", "Good morning Paddy! => "], reply="Hi! What shall I put on your list? Say *help* to see what I can do.", priority=WHOLE),
    Row("", "[many|ok|okay] (thanks|thank you|cheers|great|perfect|awesome|nice|cool|well done|good job|brilliant|lovely|amazing) [a lot|so much|very much|paddy|you|one|job|work|that's all|for that|for your help]", yes=["thanks => ", "thank you so much! => "], reply="You're welcome!", priority=WHOLE),
    Row("", "(bye|goodbye|good night|night|see you|see you later|see ya|ttyl|talk later)", yes=["good night => "], reply="See you!", priority=WHOLE),
    Row("", "(ok|okay|alright|all right|sure|got it|yes|no|yep|yeah|nope|fine|k|kk|hm|hmm|lol|haha|sounds good|all good|no worries)", yes=["ok => "], reply="👍", priority=WHOLE),
    Row("", "(never mind|nevermind|nvm|forget it|forget about it|forget that|leave it|leave it as it is|stop|no don't|don't|nothing|no need|skip it|not now|no thanks|no thank you) [then|thanks|for now|it's fine|it's ok|forget it|never mind]", yes=["never mind => ", "forget it => "], reply=CHANGED_NOTHING, priority=WHOLE),
    Row("", "(don't|do not|never|no need to|you don't have to|you don't need to) (add|create|delete|remove|cancel|change|move|mark|do|complete|remind|save|touch|send|set|make|put|tick|finish|update|snooze|reopen|rename|start) [{anything}]", yes=["don't delete buy milk => "], reply=CHANGED_NOTHING, priority=WHOLE),
    Row("", "(what's|what is|how's|how is|will it|is it going to|is it) [the] (weather|forecast|rain|raining|snow|be sunny|be warm) [{anything}]", yes=["what's the weather like? => "], reply=_CANT.format("look up the weather"), priority=WHOLE),
)
