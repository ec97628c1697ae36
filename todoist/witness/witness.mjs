// Drives Doist's own SDK against the in-memory Todoist. The SDK checks every
// answer with its own schemas and throws on the first key that is wrong; what
// it does not check is asserted here. Any mismatch ends with exit status 1.
//
//   node witness.mjs BASE_URL CLIENT_ID CLIENT_SECRET REDIRECT_URI FREE_TOKEN PRO_ACCOUNT
//
// FREE_TOKEN is the personal API token of an account on the free plan and
// PRO_ACCOUNT the id of one on the Pro plan, both empty at the start.
import assert from 'node:assert/strict'
import {
  TodoistApi,
  TodoistRequestError,
  TodoistSyncError,
  countsTowardsPersonalProjectLimit,
  createCommand,
  getAuthToken,
  getAuthorizationUrl,
  isPersonalProject,
  refreshAuthToken,
  registerClient,
  revokeToken,
} from '@doist/todoist-sdk'

const [baseUrl, clientId, clientSecret, redirectUri, freeToken, proAccount] = process.argv.slice(2)

// authorize presses Allow on the consent page and returns the code.
async function authorize(permissions, account) {
  const address = new URL(getAuthorizationUrl({ clientId, permissions, state: 'a state', baseUrl }))
  const page = await fetch(address)
  assert.equal(page.status, 200)
  assert.match(await page.text(), /name="decision" value="allow"/)
  const decision = await fetch(new URL('/oauth/authorize', baseUrl), {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams([...address.searchParams, ['account', account], ['decision', 'allow']]),
  })
  assert.equal(decision.status, 303)
  const back = new URL(decision.headers.get('location'))
  assert.equal(back.origin + back.pathname, redirectUri)
  assert.equal(back.searchParams.get('state'), 'a state')
  return back.searchParams.get('code')
}

// refusal runs what must fail and returns the error that it fails with.
async function refusal(run, type = TodoistRequestError) {
  try {
    await run()
  } catch (error) {
    assert.ok(error instanceof type, `${error?.name}: ${error?.message}`)
    return error
  }
  assert.fail('nothing was refused')
}

const steps = {
  async 'a code becomes tokens, once'() {
    const code = await authorize(['data:read_write'], proAccount)
    const tokens = await getAuthToken({ clientId, clientSecret, code }, { baseUrl })
    assert.match(tokens.accessToken, /^[0-9a-f]{40}$/)
    assert.equal(tokens.tokenType, 'Bearer')
    assert.equal(tokens.expiresIn, 3600)
    assert.ok(tokens.refreshToken)
    const again = await refusal(() => getAuthToken({ clientId, clientSecret, code }, { baseUrl }))
    assert.equal(again.responseData.error, 'bad_authorization_code')
  },

  async 'a refresh rotates, and a replay within a minute repeats it'() {
    const code = await authorize(['data:read'], proAccount)
    const first = await getAuthToken({ clientId, clientSecret, code }, { baseUrl })
    const { refreshToken } = first
    const second = await refreshAuthToken({ clientId, clientSecret, refreshToken }, { baseUrl })
    assert.notEqual(second.accessToken, first.accessToken)
    assert.notEqual(second.refreshToken, refreshToken)
    const replay = await refreshAuthToken({ clientId, clientSecret, refreshToken }, { baseUrl })
    assert.equal(replay.accessToken, second.accessToken)
    assert.equal(replay.refreshToken, undefined)
    const unknown = await refusal(() => refreshAuthToken({ clientId, clientSecret, refreshToken: 'x' }, { baseUrl }))
    assert.equal(unknown.responseData.error, 'invalid_grant')
  },

  async 'a revoked token is refused'() {
    const code = await authorize(['data:read_write'], proAccount)
    const { accessToken } = await getAuthToken({ clientId, clientSecret, code }, { baseUrl })
    const api = new TodoistApi(accessToken, { baseUrl })
    assert.equal((await api.getUser()).id, proAccount)
    assert.equal(await revokeToken({ clientId, clientSecret, token: accessToken }, { baseUrl }), true)
    const error = await refusal(() => api.getUser())
    assert.equal(error.httpStatusCode, 401)
    assert.equal(error.responseData.error_code, 477)
    assert.ok(error.isAuthenticationError())
  },

  async 'an app registers itself'() {
    const app = await registerClient({ redirectUris: ['https://example.com/callback'], clientName: 'Witness', scope: ['data:read'] }, { baseUrl })
    assert.match(app.clientId, /^tdd_/)
    assert.ok(app.clientSecret)
    assert.equal(app.clientSecretExpiresAt, null)
    assert.deepEqual(app.scope, ['data:read'])
  },

  async 'the user'() {
    const user = await new TodoistApi(freeToken, { baseUrl }).getUser()
    assert.equal(user.isPremium, false)
    assert.equal(user.premiumStatus, 'not_premium')
    assert.ok(user.tzInfo.timezone)
  },

  async 'projects'() {
    const api = new TodoistApi(freeToken, { baseUrl })
    const made = await api.addProject({ name: 'By hand', color: 'green', viewStyle: 'board' })
    assert.equal(made.color, 'green')
    assert.equal(made.viewStyle, 'board')
    assert.ok(isPersonalProject(made))
    assert.equal((await api.getProject(made.id)).name, 'By hand')
    assert.equal((await api.updateProject(made.id, { name: 'Renamed' })).name, 'Renamed')
    const page = await api.getProjects({ limit: 1 })
    assert.equal(page.results.length, 1)
    const rest = await api.getProjects({ limit: 1, cursor: page.nextCursor })
    assert.equal(rest.results[0].id, made.id)
    assert.equal(rest.nextCursor, null)
    assert.equal((await api.searchProjects({ query: 'ren*' })).results[0].id, made.id)
    assert.deepEqual(await api.getPersonalProjectCapacity(), { maxProjects: 5, activeCount: 1, remaining: 4 })
    assert.equal(await api.deleteProject(made.id), true)
    assert.equal((await api.getProject(made.id)).isDeleted, true)
    assert.equal((await api.getProjects()).results.length, 1)
    assert.equal((await refusal(() => api.getProjects({ limit: 201 }))).httpStatusCode, 400)
  },

  async 'sections, labels and tasks'() {
    const api = new TodoistApi(freeToken, { baseUrl })
    const project = await api.addProject({ name: 'Rest' })
    const section = await api.addSection({ projectId: project.id, name: 'October' })
    assert.equal(section.projectId, project.id)
    assert.equal((await api.getSections({ projectId: project.id })).results.length, 1)
    const label = await api.addLabel({ name: 'nba', color: 'orange' })
    assert.equal((await api.getLabels()).results[0].id, label.id)
    const task = await api.addTask({
      content: 'Celtics at Knicks', description: 'Madison Square Garden', projectId: project.id, sectionId: section.id,
      labels: ['nba'], priority: 4, dueDatetime: '2026-10-21T23:30:00Z',
    })
    assert.equal(task.due.date, '2026-10-21T23:30:00Z')
    assert.equal(task.sectionId, section.id)
    const day = await api.addTask({ content: 'All day', projectId: project.id, dueDate: '2026-10-22' })
    assert.equal(day.due.date, '2026-10-22')
    assert.equal(day.due.timezone, null)
    assert.equal((await api.getTasks({ projectId: project.id, limit: 200 })).results.length, 2)
    assert.equal((await api.getTasks({ ids: [day.id] })).results[0].id, day.id)
    assert.equal((await api.updateTask(task.id, { content: 'Knicks vs Celtics', dueString: null })).due, null)
    assert.equal((await api.moveTask(day.id, { sectionId: section.id })).sectionId, section.id)
    assert.equal((await api.moveTasks([day.id], { projectId: project.id }))[0].sectionId, null)
    assert.equal(await api.closeTask(task.id), true)
    const span = { since: new Date(Date.now() - 864e5).toISOString(), until: new Date(Date.now() + 864e5).toISOString() }
    const completed = await api.getCompletedTasksByCompletionDate({ ...span, projectId: project.id })
    assert.deepEqual(completed.items.map((t) => t.id), [task.id])
    assert.equal(await api.reopenTask(task.id), true)
    assert.equal((await api.getTask(task.id)).checked, false)
    assert.equal(await api.deleteTask(task.id), true)
    assert.equal((await api.getTask(task.id)).isDeleted, true)
    assert.equal((await refusal(() => api.getTask('6QQQQQQQQQQQQQQQ'))).httpStatusCode, 404)
    await refusal(() => api.addTask({ content: 'Long', dueDate: '2026-10-22', duration: 150, durationUnit: 'minute' }))
    assert.equal(await api.deleteSection(section.id), true)
    assert.equal(await api.deleteProject(project.id), true)
  },

  async 'a whole import in one sync request'() {
    const code = await authorize(['data:read_write', 'data:delete', 'project:delete'], proAccount)
    const { accessToken } = await getAuthToken({ clientId, clientSecret, code }, { baseUrl })
    const api = new TodoistApi(accessToken, { baseUrl })
    const before = await api.sync({ syncToken: '*', resourceTypes: ['user', 'user_plan_limits', 'projects'] })
    assert.equal(before.fullSync, true)
    assert.equal(before.userPlanLimits.current.maxProjects, 300)
    assert.equal(before.userPlanLimits.current.durations, true)
    assert.equal(before.user.id, proAccount)
    assert.equal(before.projects.filter(countsTowardsPersonalProjectLimit).length, 0)

    const commands = [createCommand('project_add', { name: 'Boston Celtics 2026-27', color: 'green', viewStyle: 'list' }, 'project')]
    for (let month = 0; month < 9; month++) {
      commands.push(createCommand('section_add', { name: `Month ${month}`, projectId: 'project' }, `section-${month}`))
    }
    for (let game = 0; game < 82; game++) {
      commands.push(createCommand('item_add', {
        content: `Game ${game}`, description: 'an arena', projectId: 'project', sectionId: `section-${game % 9}`, priority: 2, labels: ['nba'],
        due: { date: '2026-10-21T23:30:00Z', timezone: 'America/New_York' }, duration: { amount: 150, unit: 'minute' },
      }, `game-${game}`))
    }
    commands.push(createCommand('reminder_add', { type: 'relative', itemId: 'game-0', minuteOffset: 60 }, 'reminder'))
    commands.push(createCommand('label_add', { name: 'nba', color: 'orange' }, 'label'))
    commands.push(createCommand('note_add', { itemId: 'game-0', content: 'A comment', postedAt: new Date().toISOString() }))
    commands.push(createCommand('view_options_set', { viewType: 'PROJECT', objectId: 'project', sortedBy: 'DUE_DATE', sortOrder: 'ASC' }))
    commands.push(createCommand('project_view_options_defaults_set', { projectId: 'project', sortedBy: 'DUE_DATE' }))
    const written = await api.sync({ commands })
    assert.ok(Object.values(written.syncStatus).every((status) => status === 'ok'))
    assert.equal(Object.keys(written.syncStatus).length, commands.length)
    const id = written.tempIdMapping
    assert.match(id.project, /^[0-9A-Za-z]{16}$/)

    const all = await api.sync({ syncToken: '*', resourceTypes: ['all'] })
    assert.equal(all.items.length, 82)
    assert.equal(all.sections.length, 9)
    assert.equal(all.items[0].due.date, '2026-10-21T23:30:00Z')
    assert.equal(all.items[0].due.timezone, 'America/New_York')
    assert.deepEqual(all.items[0].duration, { amount: 150, unit: 'minute' })
    assert.equal(all.reminders[0].minuteOffset, 60)
    assert.equal(all.labels[0].name, 'nba')
    assert.equal(all.notes[0].itemId, id['game-0'])
    assert.equal(all.viewOptions[0].sortedBy, 'DUE_DATE')
    assert.equal(all.projectViewOptionsDefaults[0].projectId, id.project)

    const replayed = await api.sync({ commands })
    assert.ok(Object.values(replayed.syncStatus).every((status) => status === 'ok'))
    assert.equal((await api.getTasks({ projectId: id.project, limit: 200 })).results.length, 82)

    await api.sync({
      commands: [
        createCommand('item_update', { id: id['game-0'], content: 'Moved', due: { date: '2026-10-23' }, duration: null }),
        createCommand('item_move', { id: id['game-1'], sectionId: id['section-0'] }),
        createCommand('item_close', { id: id['game-2'] }),
        createCommand('item_complete', { id: id['game-3'], completedAt: new Date().toISOString() }),
        createCommand('item_uncomplete', { id: id['game-3'] }),
        createCommand('item_reorder', { items: [{ id: id['game-4'], childOrder: 9 }] }),
        createCommand('item_delete', { id: id['game-5'] }),
        createCommand('section_update', { id: id['section-1'], name: 'November' }),
        createCommand('project_update', { id: id.project, name: 'Celtics' }),
      ],
    })
    const changed = await api.sync({ syncToken: all.syncToken, resourceTypes: ['items', 'sections', 'projects', 'reminders', 'user'] })
    assert.equal(changed.fullSync, false)
    assert.equal(changed.user, undefined)
    const now = Object.fromEntries(changed.items.map((item) => [item.id, item]))
    assert.equal(changed.items.length, 6)
    assert.equal(now[id['game-0']].due.date, '2026-10-23')
    assert.equal(now[id['game-0']].duration, null)
    assert.equal(now[id['game-1']].sectionId, id['section-0'])
    assert.equal(now[id['game-2']].checked, true)
    assert.equal(now[id['game-3']].checked, false)
    assert.equal(now[id['game-4']].childOrder, 9)
    assert.equal(now[id['game-5']].isDeleted, true)
    assert.deepEqual(changed.reminders.map((r) => r.isDeleted), [true])
    assert.deepEqual(changed.sections.map((s) => s.name), ['November'])
    assert.deepEqual(changed.projects.map((p) => p.name), ['Celtics'])

    const mixed = [
      createCommand('item_add', { content: 'Good', projectId: id.project }, 'good'),
      createCommand('item_add', { content: 'Bad', projectId: 'nobody' }, 'bad'),
      createCommand('item_delete', { id: id['game-6'] }),
    ]
    const error = await refusal(() => api.sync({ commands: mixed }), TodoistSyncError)
    assert.equal(error.syncStatus[mixed[0].uuid], 'ok')
    assert.equal(error.syncStatus[mixed[1].uuid].errorCode, 15)
    assert.equal(error.syncStatus[mixed[2].uuid], 'ok')
    assert.ok(error.tempIdMapping.good)
    assert.equal(error.tempIdMapping.bad, undefined)

    const many = await refusal(() => api.sync({ commands: Array.from({ length: 101 }, (_, i) => createCommand('item_add', { content: `${i}` })) }))
    assert.equal(many.httpStatusCode, 400)

    await api.sync({ commands: [createCommand('project_delete', { id: id.project })] })
    assert.equal((await api.getTasks({ limit: 200 })).results.length, 0)
  },

  async 'the free plan refuses what it does not have'() {
    const api = new TodoistApi(freeToken, { baseUrl })
    const { userPlanLimits } = await api.sync({ syncToken: '*', resourceTypes: ['user_plan_limits'] })
    assert.equal(userPlanLimits.current.durations, false)
    assert.equal(userPlanLimits.next.maxProjects, 300)
    const projects = Array.from({ length: 6 }, (_, i) => createCommand('project_add', { name: `Project ${i}` }, `p${i}`))
    const error = await refusal(() => api.sync({ commands: projects }), TodoistSyncError)
    assert.equal(error.syncStatus[projects[4].uuid], 'ok')
    assert.equal(error.syncStatus[projects[5].uuid].errorTag, 'MAX_PROJECTS_LIMIT_REACHED')
    const reminder = [
      createCommand('item_add', { content: 'Remind', due: { date: '2026-10-21T23:30:00Z' } }, 'task'),
      createCommand('reminder_add', { type: 'relative', itemId: 'task', minuteOffset: 60 }),
    ]
    const refused = await refusal(() => api.sync({ commands: reminder }), TodoistSyncError)
    assert.equal(refused.httpStatusCode, 403)
  },

  async 'a token that may only read is told so'() {
    const code = await authorize(['data:read'], proAccount)
    const { accessToken } = await getAuthToken({ clientId, clientSecret, code }, { baseUrl })
    const api = new TodoistApi(accessToken, { baseUrl })
    assert.ok((await api.getProjects()).results.length > 0)
    const error = await refusal(() => api.addProject({ name: 'No' }))
    assert.equal(error.httpStatusCode, 403)
    assert.equal(error.responseData.error_tag, 'AUTH_INSUFFICIENT_TOKEN_SCOPE')
  },
}

for (const [name, run] of Object.entries(steps)) {
  try {
    await run()
    console.log(`ok   ${name}`)
  } catch (error) {
    console.error(`FAIL ${name}`)
    console.error(error)
    process.exitCode = 1
  }
}
