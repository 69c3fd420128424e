"""Texts of known kind that the router is trained on, written for this repository: forms with places to fill.

    texts(route, count, seed)   the same ones for the same seed

Each form is one way in which people ask; what fills its places varies. They stand beside the made questions of
`council.testing.questions`, whose generators give more forms of what the specialists read.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from council.domain import answers

_PLACE = re.compile(r"\{(\w+)\}")


def texts(route: answers.Route, count: int, seed: int) -> Iterator[str]:
    """Yield texts of one kind."""
    chance = random.Random(f"{route}:{seed}")
    forms = FORMS[route]
    for _ in range(count):
        yield filled(chance, chance.choice(forms))


def filled(chance: random.Random, form: str) -> str:
    """Return a form with every place filled."""

    def one(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in NUMBERS:
            return NUMBERS[name](chance)
        # Braces that are no place are LaTeX.
        return filled(chance, chance.choice(FILLERS[name])) if name in FILLERS else match.group()

    return _PLACE.sub(one, form)


NUMBERS: Mapping[str, Callable[[random.Random], str]] = {
    "n": lambda chance: str(chance.randint(2, 99)),
    "big": lambda chance: f"{chance.randint(100, 99_999):,}" if chance.random() < 0.5 else str(chance.randint(100, 9999)),
    "dec": lambda chance: f"{chance.uniform(0.1, 99):.{chance.randint(1, 3)}f}",
    "year": lambda chance: str(chance.randint(1400, 2030)),
    "day": lambda chance: f"{chance.randint(2000, 2030)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
}


def _lines(text: str) -> Sequence[str]:
    """Return the lines of a block, `\\n` in them as a line break."""
    return tuple(line.strip().replace("\\n", "\n") for line in text.strip().splitlines())


FILLERS: Mapping[str, Sequence[str]] = {
    name: tuple(part.strip() for part in text.split("|"))
    for name, text in {
        "name": "Ann|Ben|Carla|David|Elena|Fatima|George|Hana|Ivan|Julia|Kofi|Lena|Marco|Nadia|Omar|Priya|Quinn|Rosa|Sven|Tara",
        "thing": "apples|books|marbles|stickers|pencils|cookies|tickets|eggs|flowers|boxes|coins|bottles|chairs|stamps|muffins",
        "op": "+|-|*|/|×|÷|plus|minus|times|divided by",
        "expr": "{n} + {n}|{n} * ({n} - {n})|{dec} / {n}|({n} + {n})^2|{n}^3 - {n}|{big} - {big}|{n}! / {n}!|sqrt({big})|{n}/{n} + {n}/{n}",
        "fx": "x^2 + {n}x|sin(x)|e^x|x^3 - {n}x + {n}|ln(x)|cos({n}x)|1/(x + {n})|x*e^x|\\sqrt{x}|tan x",
        "unit": "km|miles|kg|pounds|litres|gallons|metres|feet|inches|hours|minutes|celsius|fahrenheit|joules|km/h|grams",
        "country": "Peru|Norway|Kenya|Japan|Portugal|Vietnam|Canada|Morocco|Chile|Finland|Nepal|Greece|Mongolia|Cuba|Ghana",
        "city": "Lima|Oslo|Nairobi|Kyoto|Lisbon|Hanoi|Toronto|Rabat|Vienna|Helsinki|Prague|Athens|Boston|Havana|Accra",
        "person": "Marie Curie|Isaac Newton|Ada Lovelace|Beethoven|Napoleon|Cleopatra|Galileo|Mozart|Darwin|Einstein|Picasso|Gandhi",
        "element": "iron|gold|helium|carbon|oxygen|mercury|sodium|neon|copper|uranium|lead|tungsten|zinc|calcium",
        "animal": "whales|bats|penguins|octopuses|spiders|frogs|sharks|bees|camels|eagles|snakes|elephants|ants|salmon",
        "science": "photosynthesis|gravity|evaporation|an ecosystem|osmosis|a black hole|erosion|friction|DNA|a virus|condensation|magnetism|inflation|a vaccine|mitosis|plate tectonics",
        "word": "ephemeral|candid|ubiquitous|frugal|lucid|obsolete|tacit|resilient|verbose|austere|benign|opaque|arduous",
        "event": "the French Revolution|World War II|the moon landing|the fall of Rome|the Black Death|the printing press|the Cold War",
        "book": "Hamlet|Don Quixote|War and Peace|the Odyssey|Frankenstein|Moby-Dick|Faust|Pride and Prejudice|The Republic",
        "lang": "Python|JavaScript|Bash|Java|Rust|Go|C|C++|SQL|TypeScript|Ruby|shell",
        "task": "reverses a string|sorts a list of tuples by the second item|finds the longest common prefix|checks whether a string is a palindrome|counts the words in a file|merges two dictionaries|removes duplicates from a list|computes the nth Fibonacci number|flattens a nested list|validates an e-mail address|converts a number to Roman numerals|finds the largest sum of a subarray|rotates a matrix|parses a CSV line|downloads a web page|removes the first and last occurrence of a character|multiplies all numbers in a list|finds shared elements of two lists",
        "func": "add|solve|parse|is_prime|max_sum|flatten|count_words|sort_pairs|remove_dups|find_max|rotate|to_roman",
        "err": "TypeError: unsupported operand type(s) for +: 'int' and 'str'|KeyError: 'name'|IndexError: list index out of range|NameError: name 'x' is not defined|segmentation fault (core dumped)|SyntaxError: invalid syntax|ModuleNotFoundError: No module named 'foo'|NullPointerException",
        "kind": "wumpus|lempus|zorg|cat|mammal|artist|engineer|student|swan|robot|dancer|poet|vehicle|tumpus|yumpus|reptile|dolphin|musician",
        "kinds": "wumpuses|lempuses|zorgs|cats|mammals|artists|engineers|students|swans|robots|dancers|poets|vehicles|tumpuses|reptiles|dolphins|musicians",
        "adj": "red|big|kind|quiet|cold|smart|rough|young|happy|furry|green|round|nice|blue|white|tall|slow|loud|earthy|bright",
        "cmp": "taller|older|faster|heavier|shorter|younger|slower|richer|more expensive|less expensive|newer|smaller",
        "sup": "tallest|oldest|fastest|heaviest|shortest|youngest|slowest|richest|most expensive|newest|smallest",
        "pet": "cat|dog|fish|parrot|rabbit|horse", "colour": "red|green|blue|white|yellow|violet|orange",
        "drink": "tea|milk|coffee|juice|water|beer",
        "topic": "autumn|the sea|my cat|friendship|rain|a lonely robot|old trains|coffee|my grandmother|winter mornings|moving to a new city|the night sky",
        "mood": "sad|bored|tired|lonely|excited|nervous|angry|stressed|happy|worried about tomorrow",
        "tongue": "Spanish|French|German|Italian|Japanese|Portuguese|Dutch|Polish|Chinese|Arabic",
        "phrase": "good morning|where is the station|I love you|thank you very much|see you tomorrow|how much does this cost|happy birthday",
        "item": "milk|eggs|bread|the laundry|a dentist appointment|the meeting|batteries|my sister's birthday|the plumber",
        "place": "the kitchen|the bedroom|the airport|work|the gym|my office|the living room|the hotel|the bank|the post office",
        "deed": "book a table for two|play some jazz|turn off the lights|set an alarm for {n} minutes|call my mother|order a pizza|check my balance|cancel my reservation|find me a flight to {city}|pay my electricity bill|remind me about {item}|add {item} to my list|turn up the volume|report my card as lost|transfer {n} dollars to my savings|start the car|schedule a meeting with {name}|share my location with {name}|reset my password|track my package|freeze my account|find a cheap hotel in {city}|rent a car|update my address|request a day off|change your language to {tongue}|speak slower|roll a die|flip a coin|tell me my schedule",
        "mail": "my boss|a customer|my landlord|a colleague|my teacher|the neighbours|a recruiter",
        "gift": "a birthday present|a dinner idea|a film|a book to read|a name for my puppy|a weekend trip|a hobby|a title for my essay|a costume",
        "sentence": "The report was wrote by me yesterday.|He don't like going to school.|Me and him goes fishing.|The results is significant.",
    }.items()
}  # fmt: skip

_MATH = _lines(r"""
{expr}
{expr} =
What is {expr}?
what's {n} {op} {n}
Calculate {expr}
compute {big} {op} {big}
How much is {n}% of {big}?
what is {n} percent of {n}
Increase {big} by {n}%
{n} is what percentage of {big}?
Convert {dec} {unit} to {unit}
how many {unit} are {n} {unit}
{n} {unit} in {unit}
Solve {n}x + {n} = {big}
Solve x^2 - {n}x + {n} = 0 for x.
solve the system x + y = {n}, x - y = {n}
Solve the inequality {n}x - {n} > {n}
If {n}x - {n} = {n}, what is x?
Differentiate {fx}
What is the derivative of {fx}?
Find the integral of {fx} from 0 to {n}
limit of {fx} as x approaches 0
Simplify ({n}x + {n})({n}x - {n})
Factor x^2 - {n}
Expand (a + {n}b)^3
Is {big} prime?
What is the greatest common divisor of {n} and {big}?
lcm of {n} and {n}
prime factors of {big}
{n} mod {n}
What is the remainder when {big} is divided by {n}?
What is the mean of {n}, {n}, {n} and {n}?
median of {n}, {n}, {n}
standard deviation of {n}, {n}, {n}, {n}
In how many ways can {n} people sit in a row?
How many ways are there to choose {n} of {n} {thing}?
What is the probability of rolling a sum of {n} with two dice?
How many days are between {day} and {day}?
What date is {n} days after {day}?
What is the area of a circle with radius {n}?
The sides of a right triangle are {n} and {n}. How long is the hypotenuse?
What is the determinant of [[{n}, {n}], [{n}, {n}]]?
Find the sum of the first {n} odd numbers.
What is the {n}th term of the sequence {n}, {n}, {n}?
Let $f(x) = {n}x + {n}$. What is $f({n})$?
Compute $\sin {n}^\circ$.
Evaluate $\frac{n}{n} + \log_{n} {big}$.
What is the value of $\left(\frac{n}{n}\right)^{n}$? Express your answer as a common fraction.
For how many integers $n$ is $n^2 < {big}$?
{name} has {n} {thing} and buys {n} more. How many {thing} does {name} have now?
{name} had {n} {thing}. She gave {n} to {name} and lost {n}. How many are left?
There are {n} boxes with {n} {thing} each. How many {thing} are there in all?
{name} earns ${n} an hour and works {n} hours a day. How much does {name} earn in {n} days?
A shop sells {thing} for ${dec} each. How much do {n} {thing} cost?
A train travels {big} km in {n} hours. What is its average speed?
{name} reads {n} pages a day. How many days does a book of {big} pages take?
{name} is {n} years older than {name}. Together they are {n}. How old is {name}?
{name} shares {n} {thing} equally among {n} friends. How many does each get and how many are left over?
A recipe for {n} people needs {n} {thing}. How many are needed for {n} people?
{name} pays {n} dollars for a shirt with a {n}% discount. What was the price before?
If {n} workers need {n} days, how long do {n} workers need?
{name} saves ${n} every week. After how many weeks does {name} have ${big}?
Each pack has {n} {thing}. {name} bought {n} packs and used {n} {thing}. How many {thing} remain?
{name} picked twice as many {thing} as {name}, who picked {n}. How many did they pick together?
half of a third of {n}
the square root of {big}
{n} squared plus {n} cubed
what is 2 to the power of {n}
and of {n}?
round {dec} to one decimal
""")

_CODE = _lines(r'''
Write a {lang} function that {task}.
write a function in {lang} which {task}
Write a function to find the sum of {thing} in a list. Your code should pass: assert {func}([{n}, {n}]) == {n}
Write a python function which {task}. Your code should pass these tests: assert {func}({n}) == True
Write a function {func} that {task}.
def {func}(values):\n    """Return a list that {task}.\n    >>> {func}([{n}, {n}])\n    {n}\n    """
def {func}(a, b):\n    """{func} of two numbers."""
def {func}(items):\n    return [x for x in items if x > {n}]\nprint({func}([{n}, {n}]))\n\nWhat does this print?
What is the output of this code?\nx = [{n}, {n}]\nx.append({n})\nprint(len(x))
What does this Python program print?\ndef {func}(s):\n    return s[::-1]\nprint({func}('abc'))
Fix this code:\n```python\ndef {func}(x)\n    return x + {n}\n```
```\nfor i in range({n}):\n  print(i)\n```\nwhy does this fail?
Why do I get {err}?
I get this error: {err}. How do I fix it?
Traceback (most recent call last):\n  File "main.py", line {n}, in <module>\n{err}
Run this: print(sum(range({n})))
run this code and tell me what it prints: for i in range({n}): print(i * {n})
Explain what this does: sorted(d.items(), key=lambda kv: kv[1])
Refactor this function so that it {task}
How do I read a file line by line in {lang}?
How can I sort a dictionary by value in {lang}?
Write a {lang} script that {task}
Create a class for a stack in {lang}
Implement binary search in {lang}
Implement quicksort
Write a regex that matches dates like {day}
Write a SQL query that lists customers with more than {n} orders
bash one-liner to count lines in all .py files
Write unit tests for a function that {task}
Translate this {lang} code to {lang}
What is the time complexity of this code? for i in range(n): for j in range(n): pass
Write a program that prints the first {n} primes
Complete the function: def {func}(text):
How do I undo the last git commit?
Give me a {lang} snippet which {task}
Debug this: console.log("a" + {n})
code that {task}
What is wrong with `if x = {n}:` in {lang}?
Write an HTML page with a button that calls {func}()
Dockerfile for a small {lang} web app
''')

_LOGIC = _lines(r"""
All {kinds} are {kinds}. All {kinds} are {kinds}. Are all {kinds} {kinds}?
All {kinds} are {adj}. {name} is a {kind}. Is {name} {adj}?
No {kinds} are {kinds}. Some {kinds} are {kinds}. Does it follow that some {kinds} are not {kinds}?
Every {kind} is a {kind}. Each {kind} is {adj}. {name} is a {kind}. True or false: {name} is {adj}.
{kinds} are {kinds}. Every {kind} is not {adj}. {kinds} are {adj}. {name} is a {kind}.\nIs the following statement true or false? {name} is not {adj}.
{name} is {adj}. {name} is {adj}. If someone is {adj} and {adj} then they are {adj}. All {adj} people are {adj}. If {name} is {adj} then {name} is not {adj}.\nIs the statement true, false, or unknown? {name} is {adj}.
{name} is {adj}. {adj} things are {adj}. If something is {adj} then it is {adj}.\nBased on the above information, is the following statement true, false, or unknown? {name} is not {adj}.
The cat chases the dog. The dog is {adj}. If something chases the dog then it is {adj}. Based on the above, is it true, false or unknown that the cat is {adj}?
All people who like {drink} are {adj}. {name} likes {drink} or is a {kind}. No {kind} is {adj}.\nIs the following statement True, False or Unknown? {name} is {adj}.
If a person visits {city}, they are {adj}. {name} does not visit {city}. Everyone is either {adj} or a {kind}.\nTrue, False or Unknown? {name} is a {kind}.
If it rains then the street is wet. It rains. Is the street wet?
If {name} lies, {name} tells the truth. {name} lies. Does it follow that {name} tells the truth?
{name} is {cmp} than {name}. {name} is {cmp} than {name}. Who is the {sup}?
In a race, {name} finished before {name}. {name} finished after {name}. Who came first?
The following paragraph describes a set of objects in a fixed order. There are three cars: a van, a bus and a taxi. The bus is {cmp} than the taxi. The van is the {sup}.\nWhich of the following is true?
On a shelf there are five books: a {adj} book, a {colour} book, a white book, a grey book and a black book. The {colour} book is to the left of the grey book. The white book is the second from the right. Which is leftmost?
{n} people stand in a row, positions 1 to {n}. Each has one value of each attribute.\nClues:\n1. The person with the {pet} stands next to {name}.\n2. {name} has colour {colour}.\n3. {name} drinks {drink}.\nGive every attribute of every person.
There are {n} houses in a row, numbered from the left. Each has a different colour, pet and drink.\n1. The {colour} house has the {pet}.\n2. The one who drinks {drink} lives left of the {colour} house.\nWhich house has the {pet}?
Three friends each own one pet: {name}, {name} and {name}. {name} does not own the {pet}. Who owns the {pet}?
Knights always tell the truth and knaves always lie. {name} says: {name} is a knave. {name} says: we are both knights. Who is what?
On an island of knights and knaves {name} says "{name} is a knight" and {name} says "{name} and I are different". What are they?
{name}, {name} and {name} are dancing. {name} has the {colour} ball, {name} the {colour} one. {name} and {name} swap. Then {name} and {name} swap. Which ball does {name} have?
Is the formula (p -> q) & p -> q a tautology?
Is (A or B) and not A and not B satisfiable?
Does p & (p -> q) entail q?
Find an assignment that makes (a | b) & (!a | c) true
If A implies B and B implies C, does A imply C?
Schedule {name}, {name} and {name} on Monday to Wednesday: {name} cannot work on Monday, {name} must come before {name}. Who works when?
{name} sits between {name} and {name}. {name} is not at an end. Who sits where?
Exactly one of these statements is true: {name} did it; {name} did not do it; {name} did it. Who did it?
Only one of the three boxes holds gold. Box 1 says "gold is here". At most one label is true. Where is the gold?
Some {kinds} are {kinds}. All {kinds} are {adj}. Can we conclude that some {kinds} are {adj}?
""")

_KNOWLEDGE = _lines(r"""
What is the capital of {country}?
capital of {country}
What is the population of {country}?
Which currency is used in {country}?
Which continent is {country} in?
What language do people speak in {country}?
What is the chemical symbol of {element}?
What is the atomic number of {element}?
At what temperature does {element} melt?
Is {element} a metal?
Who was {person}?
When was {person} born?
What is {person} famous for?
Who wrote {book}?
When was {book} published?
What does {word} mean?
define {word}
Give me the definition of "{word}"
What is a synonym of {word}?
What is {science}?
Explain {science}
How does {science} work?
Why is the sky blue?
Why do {animal} migrate?
How long do {animal} live?
What do {animal} eat?
Are {animal} mammals?
Can {animal} swim?
Could {person} have met {person}? (yes or no)
Did {person} live during {event}? (yes or no)
Would {animal} be able to survive in {city} in winter? (yes or no)
Do {animal} need oxygen? (yes or no)
Is {city} colder than {city}? (yes or no)
Would {person} have owned a telephone? (yes or no)
Can you buy {drink} in {country}? (yes or no)
Does {country} have a coast? (yes or no)
When did {event} happen?
What caused {event}?
Who won {event}?
How far is {city} from {city}?
What is the highest mountain of {country}?
Which river flows through {city}?
Which planet is closest to the sun?
What does json.loads do?
What does the Python function zip return?
According to my notes, when is {item} due?
What do my documents say about {item}?
Where is the first token kept?
What does verified mean in Council?
How does Council count what an answer costs?
Where does the ledger live?
How do I make a backup of the records?
Which of these is an example of {science}?
{science} causes\nA) rocks to melt\nB) water to move\nC) light to bend\nD) plants to grow
A plant in a dry place would most likely have\nA) thick leaves\nB) gills\nC) wings\nD) feathers
{animal} get energy from\nA) the sun\nB) food\nC) rocks\nD) metal
Which tool is best to measure {science}?\nA) a ruler\nB) a thermometer\nC) a balance\nD) a microscope
A student wants to find out how {science} affects plants. What should she do first?\nA) form a hypothesis\nB) draw a conclusion\nC) make a graph\nD) publish
Which property of {element} makes it useful in wires?\nA) colour\nB) conductivity\nC) mass\nD) smell
What happens to {drink} when it is heated?\nA) it freezes\nB) it evaporates\nC) it becomes metal\nD) it shrinks
As {animal} grow older\nA) they change\nB) they vanish\nC) they become plants\nD) they glow
Which organ of {animal} takes in oxygen?\nA) lungs\nB) skin\nC) stomach\nD) heart
""")

_GENERAL = _lines(r"""
hi
hello there
hey, how are you?
what's up
good morning
how was your day
thanks, bye
thank you so much
what is your name
who made you
are you a real person
do you have any pets
how old are you
where do you live
what can you do
what are your hobbies
tell me a joke
tell me something funny
tell me a fun story about {topic}
do you like {drink}
what is the meaning of life
I am {mood}
I'm feeling {mood}, cheer me up
Write a poem about {topic}
write a short story about {topic}
Write one sentence about {topic}
Write a haiku on {topic}
Write a song about {topic}
Write an e-mail to {mail} about {item}
Write a polite note to {mail}
Draft a letter to {mail}, saying that I am {mood}
Rewrite this so that it sounds friendlier: {sentence}
Correct the grammar: {sentence}
Fix my sentence: {sentence}
Summarise this text in two sentences: {sentence} {sentence}
Translate "{phrase}" into {tongue}
how do you say {phrase} in {tongue}
how would I say "{phrase}" if I were in {country}
Suggest {gift}
Give me ideas for {gift}
Help me choose {gift} for {name}
What should I cook tonight?
What should I wear today
What do you think about {topic}?
Should I quit my job?
Give me advice on {item}
please {deed}
{deed}
can you {deed}
I need you to {deed}
could you {deed} for me
i want to {deed}
help me {deed}
what's on my to do list
what's on my calendar for tomorrow
is {item} on my list
when is my next appointment
do I have any new mail
what is my account balance
how much did I spend on {thing} last month
how do I get to {place}
how is the traffic on the way to {place}
will it rain in {city} tomorrow
what is the weather like in {city}
what time is it in {city}
what's today's date
how many vacation days do I have left
when does my flight land
is my flight on time
what gate does my flight leave from
what's the status of my order
why was my card declined
when is my bill due
what is my credit score
how do I apply for a new card
where did I park
find my phone
can you recommend a good restaurant in {city}
does that place take reservations
what are the reviews of the new place like
how many calories are in {drink}
what can I use instead of {thing} when baking
how long should I cook {thing}
do I need a visa for {country}
do I need shots to travel to {country}
how much is the exchange rate to {country}
when should I change my oil
what is the tire pressure
who is playing tonight
what song is this
what should I name my band
what are the lyrics of that song
how do I unclog a drain
how do I get a stain out of a shirt
where can I buy {thing} cheaply
what are good stocks to buy
who won the game last night
will the market go up
which team is better
how can I get better at drawing
how do I ask someone out
is it normal to be {mood}
why am I always {mood}
let's play a game
sing me a song
repeat that please
never mind
yes
no, that's wrong
can you speak {tongue}
Continue the story: once upon a time {name} found a door
Pretend you are {person} and greet me
Make a list of things to pack for {country}
Brainstorm names for a shop that sells {thing}
Plan a trip to {city} for {n} days
What are the pros and cons of moving to {city}?
Explain like I'm five why I should be kind
Give me a motivational quote
""")

FORMS: Mapping[answers.Route, Sequence[str]] = {
    answers.Route.MATH: _MATH,
    answers.Route.CODE: _CODE,
    answers.Route.LOGIC: _LOGIC,
    answers.Route.KNOWLEDGE: _KNOWLEDGE,
    answers.Route.GENERAL: _GENERAL,
}
